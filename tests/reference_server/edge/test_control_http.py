"""An edge's answers to plain HTTP requests."""

import json
from functools import partial
from http import HTTPStatus
from types import SimpleNamespace

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from gauntlet.builds import SERVER
from gauntlet.reference_server.core.config import Config, Settings
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.edge.control_http import ControlHttp
from gauntlet.reference_server.edge.drain import Drain

TOKEN = {"X-Internal": "t0k"}
URL = "url=ws%3A%2F%2Fg1%2Fv1%2Fws"


class Ws:
    """Creates responses as a ServerConnection does."""

    def __init__(self, connections):
        self.server = SimpleNamespace(handler_tasks=set(range(connections)))

    def respond(self, status, text):
        headers = Headers({"Content-Type": "text/plain"})
        return Response(int(status), HTTPStatus(status).phrase, headers, text.encode())


@pytest.fixture
def missing():
    """What the edge reports as missing; tests add to it."""
    return []


@pytest.fixture
def get(missing):
    """Sends a GET to an edge without clients; returns status and body, or None for an upgrade."""
    metrics = Metrics()
    metrics.gauge("connections", lambda: 3)
    config = Config(
        name="e",
        services=("edge",),
        port=1,
        secret="s",
        internal_token="t0k",
        settings=Settings(edge_connections_max=4),
    )
    http = ControlHttp(metrics, Drain(list), config, lambda: {"connections": 3, "missing": missing})

    def send(path, headers=None, connections=1, respond=http.respond):
        head = Headers(headers or {})
        head["Host"] = "e"
        answer = respond(Ws(connections), Request(path, head))
        return answer and (answer.status_code, answer.body.decode())

    send.internal = partial(send, respond=http.respond_internal)
    send.respond = http.respond
    return send


async def test_upgrades_are_refused_while_draining_and_only_then(get):
    """A rollback opens the edge again."""
    assert get("/v1/ws") is None
    assert get(f"/internal/drain?{URL}", TOKEN) == (200, '{"told":0}')
    assert get("/v1/ws")[0] == 503
    assert get("/internal/undrain", TOKEN) == (200, '{"draining":false}')
    assert get("/v1/ws") is None


async def test_a_full_edge_refuses_upgrades_and_still_answers_health_checks(get):
    assert get("/v1/ws", connections=4) is None
    assert get("/v1/ws", connections=5) == (503, "full\n")
    assert get("/healthz", connections=5)[0] == 200
    assert "im_upgrades_refused_total 1" in get("/metrics")[1]


def test_an_edge_is_ready_while_nothing_is_missing(get, missing):
    """A load balancer uses the status, an operator the body."""
    assert get("/readyz") == (200, '{"ready":true,"missing":[]}')
    missing.append("bus")
    assert get("/readyz") == (503, '{"ready":false,"missing":["bus"]}')


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Internal": "wrong"},
        [("X-Internal", "t0k"), ("X-Internal", "t0k")],
        [("X-Internal", "wrong"), ("X-Internal", "t0k")],
    ],
)
@pytest.mark.parametrize("path", ["drain", "undrain", "stats"])
async def test_control_calls_need_the_internal_token(get, path, headers):
    """Clients reach this port, and must not control the edge."""
    assert get(f"/internal/{path}?{URL}", headers)[0] == 403
    assert get("/v1/ws") is None


@pytest.mark.parametrize("query", ["", "drain_ms=8", f"{URL}&waves=many", f"{URL}&waves=0"])
async def test_an_invalid_drain_request_begins_no_drain(get, query):
    status, body = get(f"/internal/drain?{query}", TOKEN)
    assert (status, "error" in json.loads(body)) == (400, True)
    assert get("/v1/ws") is None


def test_health_metrics_and_stats_show_the_numbers_of_the_edge(get):
    status, health = get("/healthz")
    build = str(SERVER.current())
    assert status == 200
    assert json.loads(health) == {"status": "ok", "build": build, "connections": 3, "missing": []}
    assert "im_connections 3" in get("/metrics")[1]
    assert get("/internal/stats", TOKEN) == (200, '{"connections":3,"missing":[]}')
    assert get("/nowhere")[0] == 404


async def test_the_port_without_tls_takes_every_call_but_clients(get):
    """The same calls as before, with the same token; a WebSocket must use TLS."""
    assert get.internal("/healthz") == get("/healthz")
    assert get.internal("/internal/stats", TOKEN) == get("/internal/stats", TOKEN)
    assert get.internal("/internal/stats")[0] == 403
    assert get.internal("/v1/ws?x=1") == (403, "clients connect to the port that speaks TLS\n")
    assert get("/v1/ws") is None


@pytest.mark.parametrize("path", ["//[", "http://[", "//[::1", "//a]b/healthz", "//[/v1/ws"])
def test_a_target_that_is_no_url_is_not_found(get, path):
    """It was answered with 500 and a traceback in the log."""
    assert get(path)[0] == 404
    assert get.internal(path)[0] == 404


@pytest.mark.parametrize("token", ["\xff", "t0k\xff", "é"])
def test_a_token_of_other_bytes_is_wrong(get, token):
    assert get("/internal/stats", {"X-Internal": token})[0] == 403


@pytest.mark.parametrize("value", ["%ed%a0%80", "%ff", "é", "1e400", "-1", "9" * 400])
def test_a_parameter_that_is_no_number_is_a_bad_request(get, value):
    assert get(f"/internal/drain?{URL}&drain_ms={value}", TOKEN)[0] == 400


@pytest.mark.parametrize("path", ["/v1/ws", "/healthz", "/metrics", "/internal/stats", "/nosuch"])
@pytest.mark.parametrize("hosts", [[], ["a", "b"]])
def test_a_request_without_one_host_is_a_bad_request(get, path, hosts):
    head = Headers([*(("Host", host) for host in hosts), *TOKEN.items()])
    assert get.respond(Ws(1), Request(path, head)).status_code == 400
