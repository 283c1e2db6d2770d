"""The client of the control API, against a double of the cluster."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gauntlet.chaos.clients.cluster_control import (
    Component,
    ControlClient,
    CutoverStep,
    RollingStatus,
    RollingStep,
)
from gauntlet.core.errors import StackError

GATEWAY = {"name": "gateway-1", "role": "gateway", "environment": None, "pid": 7, "state": "up"}
CUTOVER = {
    "state": "drain",
    "environment": "green",
    "steps": [{"state": "drain", "t_ns": 5, "detail": {"waves": 4}}],
    "connections": {"blue": 3, "green": 9},
    "forced_closes": 0,
    "error": None,
}


class Handler(BaseHTTPRequestHandler):
    """Answers from `server.answers`, and records every call."""

    def do_GET(self):
        """Answer."""
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        token = self.headers["Authorization"]
        self.server.calls.append((self.command, self.path, body, token))
        status, answer = self.server.answers[self.command, self.path]
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815  # the base class wants these names

    def log_message(self, format, *args):  # noqa: A002  # the name in the replaced class
        """Do not log."""


@pytest.fixture
def server():
    """A control API that gives the answers which a test puts into `answers`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.calls, server.answers = [], {}
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def control(server):
    """The client under test."""
    return ControlClient(f"http://127.0.0.1:{server.server_port}", "secret")


def test_components_are_returned_by_name(server, control):
    """Unknown fields of an answer are ignored."""
    answer = {"components": [{**GATEWAY, "restarts": 2, "address": "127.0.0.1:9", "new": 1}]}
    server.answers["GET", "/components"] = 200, answer
    expected = Component("gateway-1", "gateway", "up", None, 7, 2, "127.0.0.1:9")
    assert control.components() == {"gateway-1": expected}
    assert server.calls == [("GET", "/components", None, "Bearer secret")]


@pytest.mark.parametrize(
    ("verb", "body"), [("kill", {"signal": "KILL"}), ("start", {}), ("pause", {}), ("resume", {})]
)
def test_an_action_is_posted_to_its_component(server, control, verb, body):
    """One call, with the token."""
    path = f"/components/gateway-1/{verb}"
    server.answers["POST", path] = 200, {"pid": 7}
    getattr(control, verb)("gateway-1")
    assert server.calls == [("POST", path, body, "Bearer secret")]


def test_a_start_with_a_delay_is_posted_in_milliseconds(server, control):
    server.answers["POST", "/components/gateway-1/start"] = 200, {"pid": 7}
    control.start("gateway-1", delay_s=1.5)
    assert server.calls[0][2] == {"delay_ms": 1_500}


def test_a_cutover_is_started_followed_and_rolled_back(server, control):
    """The three calls have the bodies and answers of the documentation."""
    server.answers["POST", "/cutover"] = 202, {}
    server.answers["GET", "/cutover"] = 200, CUTOVER
    server.answers["POST", "/cutover/rollback"] = 202, {}
    control.begin_cutover("green", drain_ms=8000, canaries=True)
    status = control.cutover()
    control.roll_back_cutover()
    assert status.steps == [CutoverStep("drain", 5, {"waves": 4})]
    assert status.connections == {"blue": 3, "green": 9}
    assert server.calls[0][2] == {"to": "green", "drain_ms": 8000, "canaries": True}
    assert [path for _, path, _, _ in server.calls] == ["/cutover", "/cutover", "/cutover/rollback"]


def test_a_drain_is_posted_with_its_time(server, control):
    server.answers["POST", "/components/edge-blue-1/drain"] = 202, {}
    control.drain("edge-blue-1", drain_ms=4000)
    assert server.calls[0][2] == {"drain_ms": 4000}


def test_a_rolling_update_is_started_and_followed(server, control):
    """The two calls have the bodies and answers of the documentation."""
    step = {"component": "room-1", "state": "stopping", "t_ns": 5}
    server.answers["POST", "/rolling"] = 202, {}
    server.answers["GET", "/rolling"] = 200, {"state": "running", "steps": [step], "error": None}
    control.begin_rolling_update()
    assert control.rolling_update() == RollingStatus("running", [RollingStep(**step)])
    assert [path for _, path, _, _ in server.calls] == ["/rolling", "/rolling"]


@pytest.mark.parametrize(
    ("status", "answer", "message"),
    [
        (409, {"error": "gateway-1 has no process"}, "409 .*has no process"),
        (200, b"<html>", "not JSON"),
        (200, {"components": [{"name": 3}]}, "unexpected answer"),
    ],
)
def test_an_invalid_answer_raises_a_stack_error_that_quotes_it(
    server, control, status, answer, message
):
    """Refusals, invalid JSON and unexpected fields."""
    server.answers["GET", "/components"] = status, answer
    with pytest.raises(StackError, match=message):
        control.components()


def test_a_missing_answer_raises_a_stack_error(server):
    """The control API may have ended."""
    with pytest.raises(StackError, match="no answer"):
        ControlClient("http://127.0.0.1:1", "secret").components()


def test_the_password_of_a_store_is_asked_for_and_may_be_missing(server, control):
    """A control API without stores has no such call."""
    server.answers = {
        ("GET", "/components/registry/password"): (200, {"password": "p"}),
        ("GET", "/components/gateway-1/password"): (200, {"password": None}),
        ("GET", "/components/nats/password"): (404, {"error": "this system has no such call"}),
    }
    passwords = [control.password(name) for name in ("registry", "gateway-1", "nats")]
    assert passwords == ["p", None, None]
