"""The control API of a system of one component, through the client that faults use."""

import threading

import pytest

from gauntlet.chaos.clients.cluster_control import ControlClient
from gauntlet.core.errors import StackError
from gauntlet.stacks.control_server import ControlServer


class Owner:
    """A component that does as told, but for what it refuses."""

    def __init__(self):
        self.acts, self.threads = [], set()

    def components(self):
        """One."""
        return [{"name": "it", "role": "edge", "state": "up", "pid": 7, "address": "127.0.0.1:1"}]

    def act(self, verb, signal_name):
        """Do it."""
        self.acts.append((verb, signal_name))
        self.threads.add(threading.get_ident())
        if verb == "resume":
            return None
        if verb == "pause":
            raise StackError("it hangs already")
        return 7


@pytest.fixture
def owner():
    """The component."""
    return Owner()


@pytest.fixture
def server(owner):
    """Its API."""
    made = ControlServer(owner)
    yield made
    made.stop()


@pytest.fixture
def control(server):
    """A client with the token."""
    return ControlClient(server.url, server.token)


def test_components_are_told_as_the_cluster_tells_them(control):
    """Faults need name, role, state, process and address."""
    (component,) = control.components().values()
    assert (component.name, component.role, component.state, component.pid) == (
        "it", "edge", "up", 7,
    )  # fmt: skip


def test_acts_reach_the_component_in_one_thread(control, owner):
    """A child dies with the thread that started it, so that must be one that stays."""
    control.kill("it")
    control.start("it")
    assert owner.acts == [("kill", "KILL"), ("start", "KILL")]
    assert len(owner.threads) == 1


@pytest.mark.parametrize(
    ("act", "status"),
    [
        (lambda control: control.resume("it"), 409),
        (lambda control: control.pause("it"), 503),
        (lambda control: control.kill("other"), 404),
        (lambda control: control.begin_cutover("green", drain_ms=1, canaries=True), 404),
        (lambda control: control.cutover(), 404),
    ],
)
def test_what_cannot_be_done_is_refused(control, act, status):
    """By state, by failure, by name; and what one component cannot do at all."""
    with pytest.raises(StackError, match=str(status)):
        act(control)


def test_nobody_acts_without_the_token(server, owner):
    """Other processes of the machine can reach the port, too."""
    stranger = ControlClient(server.url, "guess")
    for act in (stranger.components, lambda: stranger.kill("it")):
        with pytest.raises(StackError, match="401"):
            act()
    assert owner.acts == []
