"""What an edge answers to plain HTTP."""

import json
from http import HTTPStatus
from types import SimpleNamespace

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from gauntlet.reference_server.core.config import Config, Settings
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.edge.control_http import ControlHttp
from gauntlet.reference_server.edge.drain import Drain

TOKEN = {"X-Internal": "t0k"}
URL = "url=ws%3A%2F%2Fg1%2Fv1%2Fws"


class Ws:
    """Makes responses as a ServerConnection does."""

    def __init__(self, connections):
        self.server = SimpleNamespace(handler_tasks=set(range(connections)))

    def respond(self, status, text):
        headers = Headers({"Content-Type": "text/plain"})
        return Response(int(status), HTTPStatus(status).phrase, headers, text.encode())


@pytest.fixture
def missing():
    """What the edge lacks; tests fill it."""
    return []


@pytest.fixture
def ask(missing):
    """Asks an edge with no clients: the status and body, or None for an upgrade."""
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

    def send(path, headers=None, connections=1):
        answer = http.respond(Ws(connections), Request(path, Headers(headers or {})))
        return answer and (answer.status_code, answer.body.decode())

    return send


async def test_upgrades_are_refused_while_draining_and_only_then(ask):
    """A drained edge takes nobody new; a rollback opens it again."""
    assert ask("/v1/ws") is None
    assert ask(f"/internal/drain?{URL}", TOKEN) == (200, '{"told":0}')
    assert ask("/v1/ws")[0] == 503
    assert ask("/internal/undrain", TOKEN) == (200, '{"draining":false}')
    assert ask("/v1/ws") is None


async def test_a_full_edge_refuses_upgrades_and_still_says_how_it_is(ask):
    """Beyond the cap a client goes elsewhere; health checks are no clients."""
    assert ask("/v1/ws", connections=4) is None
    assert ask("/v1/ws", connections=5) == (503, "full\n")
    assert ask("/healthz", connections=5)[0] == 200
    assert "im_upgrades_refused_total 1" in ask("/metrics")[1]


def test_ready_means_that_nothing_is_missing(ask, missing):
    """A load balancer learns from the status, a person from the body."""
    assert ask("/readyz") == (200, '{"ready":true,"missing":[]}')
    missing.append("bus")
    assert ask("/readyz") == (503, '{"ready":false,"missing":["bus"]}')


@pytest.mark.parametrize("headers", [{}, {"X-Internal": "wrong"}])
@pytest.mark.parametrize("path", ["drain", "undrain", "stats"])
async def test_control_needs_the_token(ask, path, headers):
    """Clients reach this port; they must not steer it."""
    assert ask(f"/internal/{path}?{URL}", headers)[0] == 403
    assert ask("/v1/ws") is None


@pytest.mark.parametrize("query", ["", "drain_ms=8", f"{URL}&waves=many", f"{URL}&waves=0"])
async def test_a_bad_drain_begins_nothing(ask, query):
    """Where to go is required; numbers are numbers."""
    status, body = ask(f"/internal/drain?{query}", TOKEN)
    assert (status, "error" in json.loads(body)) == (400, True)
    assert ask("/v1/ws") is None


def test_health_metrics_and_stats_are_shown(ask):
    """What health checks, Prometheus and the cutover read."""
    assert ask("/healthz") == (200, '{"status":"ok","connections":3,"missing":[]}')
    assert "im_connections 3" in ask("/metrics")[1]
    assert ask("/internal/stats", TOKEN) == (200, '{"connections":3,"missing":[]}')
    assert ask("/nowhere")[0] == 404
