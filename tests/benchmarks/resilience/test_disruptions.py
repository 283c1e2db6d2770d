"""Random kills and stops, on a control API that only notes the calls."""

import asyncio
from collections import Counter

import pytest

from benchmarks.resilience import disruptions
from benchmarks.resilience.disruptions import Disruptions
from gauntlet.core.errors import StackError


class Control:
    """Notes what is down, and fails the first starts."""

    def __init__(self, failing_starts=0):
        self.calls = Counter()
        self.down = set()
        self.most = 0
        self._failing_starts = failing_starts

    def _end(self, name, call):
        assert name not in self.down
        self.calls[call] += 1
        self.down.add(name)
        self.most = max(self.most, len(self.down))

    def kill(self, name, signal="KILL"):
        self._end(name, signal)

    def pause(self, name):
        self._end(name, "pause")

    def resume(self, name):
        self.down.remove(name)

    def start(self, name):
        if self._failing_starts:
            self._failing_starts -= 1
            raise StackError("not healthy")
        self.down.remove(name)


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(disruptions, "_DOWN_S", (0.001, 0.002))
    monkeypatch.setattr(disruptions, "_INTERVAL_S", (0.0, 0.001))


def run(control, count=30, lanes=3, names=("a", "b", "c", "d")):
    found = Disruptions(control, names, 1)
    asyncio.run(found.run(count, lanes))
    return found


def test_so_many_disruptions_happen_and_everything_is_up_afterwards():
    control = Control()
    found = run(control)
    assert len(found.done) == 30
    assert control.down == set()
    assert set(control.calls) == {"KILL", "TERM", "pause"}
    assert {each.component for each in found.done} == {"a", "b", "c", "d"}
    assert 1 < control.most <= 3


def test_a_start_that_fails_is_repeated():
    found = run(Control(failing_starts=2), count=5)
    assert (len(found.done), found.errors) == (5, [])


def test_a_component_that_does_not_start_is_an_error_and_no_disruption(monkeypatch):
    monkeypatch.setattr(disruptions, "_STARTS", 1)
    found = run(Control(failing_starts=1), count=5, lanes=1)
    assert len(found.done) == 4
    assert "not healthy" in found.errors[0]
