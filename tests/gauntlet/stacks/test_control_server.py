"""The control API of a system of one component, called through the client that faults use."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from gauntlet.chaos.clients.cluster_control import ControlClient
from gauntlet.core.errors import StackError
from gauntlet.stacks import control_server
from gauntlet.stacks.control_server import ControlHTTPServer, ControlServer


class FakeComponent:
    """A component that records its actions, refuses to resume and fails to pause."""

    def __init__(self):
        self.acts, self.threads = [], set()

    def components(self):
        """The component, as a row of the control API."""
        return [{"name": "edge", "role": "edge", "state": "up", "pid": 7, "address": "127.0.0.1:1"}]

    def act(self, verb, signal_name):
        """Record the action."""
        self.acts.append((verb, signal_name))
        self.threads.add(threading.get_ident())
        if verb == "resume":
            return None
        if verb == "pause":
            raise StackError("the process does not react")
        return 7


@pytest.fixture
def component():
    """The component behind the control API."""
    return FakeComponent()


@pytest.fixture
def server(component):
    """The control API of the component."""
    server = ControlServer(component)
    yield server
    server.stop()


@pytest.fixture
def control(server):
    """A client with the token."""
    return ControlClient(server.url, server.token)


def test_components_are_returned_in_the_form_of_the_cluster(control):
    """Faults need name, role, state, process and address."""
    (component,) = control.components().values()
    assert (component.name, component.role, component.state, component.pid) == (
        "edge", "edge", "up", 7,
    )  # fmt: skip


def test_all_actions_run_in_one_thread(control, component):
    """A child process ends with the thread that started it, so that thread must stay."""
    control.kill("edge")
    control.start("edge")
    assert component.acts == [("kill", "KILL"), ("start", "KILL")]
    assert len(component.threads) == 1


@pytest.mark.parametrize(
    ("act", "status"),
    [
        (lambda control: control.resume("edge"), 409),
        (lambda control: control.pause("edge"), 503),
        (lambda control: control.kill("other"), 404),
        (lambda control: control.begin_cutover("green", drain_ms=1, canaries=True), 404),
        (lambda control: control.cutover(), 404),
    ],
)
def test_a_call_that_is_not_possible_is_refused(control, act, status):
    """Because of the state, a failure, the name, or because one component cannot do it."""
    with pytest.raises(StackError, match=str(status)):
        act(control)


def test_a_start_with_a_delay_is_refused(control, component):
    with pytest.raises(StackError, match="400"):
        control.start("edge", delay_s=1.0)
    assert component.acts == []


def test_calls_without_the_token_are_refused(server, component):
    """Other processes on the machine can reach the port."""
    stranger = ControlClient(server.url, "guess")
    for act in (stranger.components, lambda: stranger.kill("edge")):
        with pytest.raises(StackError, match="401"):
            act()
    assert component.acts == []


def send(server, request):
    """Send bytes to the control API, and return all that it answers until it closes."""
    address = server.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=20) as client:
        client.sendall(request.replace(b"TOKEN", server.token.encode()))
        return b"".join(iter(lambda: client.recv(4096), b""))


POST = b"POST /components/edge/kill HTTP/1.0\r\nAuthorization: Bearer TOKEN\r\n"


@pytest.mark.parametrize("half", [b"POST /comp", POST, POST + b"Content-Length: 9\r\n\r\n{"])
def test_a_request_that_stays_incomplete_does_not_hold_up_the_next_one(
    server, control, component, monkeypatch, half
):
    monkeypatch.setattr(control_server, "REQUEST_TIMEOUT_S", 1.0)
    address = server.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1]))) as idle:
        idle.sendall(half.replace(b"TOKEN", server.token.encode()))
        assert list(control.components()) == ["edge"]
    assert component.acts == []


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: many\r\n\r\n",
        b"Content-Length: 99999999999\r\n\r\n",
        b"Content-Length: 1\r\n\r\n{",
        b"Content-Length: 2\r\n\r\n[]",
        b"Content-Length: 2\r\n\r\n\xff\xff",
        b"Content-Length: 60000\r\n\r\n" + b"[" * 60_000,
    ],
)
def test_a_body_that_is_no_json_object_is_a_bad_request(server, component, rest):
    answer = send(server, POST + rest)
    assert b" 400 " in answer
    assert "error" in json.loads(answer.partition(b"\r\n\r\n")[2])
    assert component.acts == []


@pytest.mark.parametrize(("error", "printed"), [(BrokenPipeError, False), (ValueError, True)])
def test_only_a_client_that_has_gone_leaves_no_traceback(capsys, error, printed):
    with ControlHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        try:
            raise error
        except error:
            server.handle_error(None, ("127.0.0.1", 1))
    assert (error.__name__ in capsys.readouterr().err) == printed
