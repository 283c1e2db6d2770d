"""What an edge answers to plain HTTP."""

import json
from http import HTTPStatus

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from reference_server.edge_drain import Drain
from reference_server.edge_http import EdgeHttp
from reference_server.metrics import Metrics

TOKEN = {"X-Internal": "t0k"}
URL = "url=ws%3A%2F%2Fg1%2Fv1%2Fws"


class Ws:
    """Makes responses as a ServerConnection does."""

    def respond(self, status, text):
        headers = Headers({"Content-Type": "text/plain"})
        return Response(int(status), HTTPStatus(status).phrase, headers, text.encode())


@pytest.fixture
def ask():
    """Asks an edge with no clients: the status and body, or None for an upgrade."""
    metrics = Metrics()
    metrics.gauge("connections", lambda: 3)
    http = EdgeHttp(metrics, Drain(list), "t0k", lambda: {"connections": 3})

    def send(path, headers=None):
        answer = http.answer(Ws(), Request(path, Headers(headers or {})))
        return answer and (answer.status_code, answer.body.decode())

    return send


async def test_upgrades_are_refused_while_draining_and_only_then(ask):
    """A drained edge takes nobody new; a rollback opens it again."""
    assert ask("/v1/ws") is None
    assert ask(f"/internal/drain?{URL}", TOKEN) == (200, '{"told":0}')
    assert ask("/v1/ws")[0] == 503
    assert ask("/internal/undrain", TOKEN) == (200, '{"draining":false}')
    assert ask("/v1/ws") is None


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
    assert ask("/healthz") == (200, '{"status":"ok","connections":3}')
    assert "im_connections 3" in ask("/metrics")[1]
    assert ask("/internal/stats", TOKEN) == (200, '{"connections":3}')
    assert ask("/nowhere")[0] == 404
