"""Which components are started again, and which ones count as not restored."""

import itertools

import pytest

from benchmarks.resilience import restoration
from benchmarks.resilience.restoration import restore
from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.core.errors import StackError


class Control:
    """Components whose states a test decides about; a `starting` one is up after some polls."""

    def __init__(self, states, *, polls=2, broken=()):
        self.states, self.calls = dict(states), []
        self._polls, self._broken = itertools.count(), broken
        self._up_at = polls

    def components(self):
        if next(self._polls) >= self._up_at:
            self.states = {n: "up" if s == "starting" else s for n, s in self.states.items()}
        return {name: Component(name, "role", state) for name, state in self.states.items()}

    def start(self, name):
        self._act("start", name)

    def resume(self, name):
        self._act("resume", name)

    def _act(self, call, name):
        self.calls.append((call, name))
        if name in self._broken:
            raise StackError("no answer")
        self.states[name] = "up"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(restoration, "_POLL_S", 0.001)


def test_each_component_is_brought_back_as_it_was_disrupted():
    control = Control({"a": "up", "b": "exited", "c": "paused", "other": "exited"})
    assert restore(control, ["a", "b", "c"]) == ((), ())
    assert control.calls == [("start", "b"), ("resume", "c")]


def test_a_component_that_starts_is_waited_for():
    control = Control({"a": "starting"}, polls=5)
    assert restore(control, ["a"]) == ((), ())
    assert control.calls == []


@pytest.mark.parametrize("state", ["starting", "exited"])
def test_a_component_that_stays_away_is_not_restored(state):
    control = Control({"a": state, "b": "up"}, polls=10**9, broken=("a",))
    assert restore(control, ["a", "b"], 0.01).missing == (f"a is {state}",)


def test_a_component_that_comes_back_after_a_failed_call_is_restored():
    class Slow(Control):
        def start(self, name):
            self.states[name] = "starting"
            raise StackError("no answer")

    found = restore(Slow({"a": "exited", "b": "starting"}), ["a", "b"])
    assert found == (("restore a: no answer",), ())


def test_a_component_that_the_cluster_does_not_know_any_more_is_not_restored():
    assert restore(Control({}, broken=("a",)), ["a"], 0.0).missing == ("a is gone",)
