"""What a fault repeats until its heal."""

import threading

import pytest

from gauntlet.chaos.faults import _repetition
from gauntlet.chaos.faults._repetition import Repetition
from gauntlet.core.errors import StackError


def test_a_call_that_fails_is_counted_and_the_next_one_follows():
    done = threading.Event()
    calls = []

    def act():
        calls.append(len(calls))
        if len(calls) == 1:
            raise StackError("down")
        done.set()

    repetition = Repetition(0.001, act)
    repetition.start()
    assert done.wait(30)
    for _ in range(2):
        repetition.stop()
    assert repetition.failed == 1
    assert repetition.rounds == len(calls) - 1


def test_a_call_that_does_not_end_is_an_error_until_it_has_ended(monkeypatch):
    """The heal is then tried again."""
    monkeypatch.setattr(_repetition, "_JOIN_S", 0.01)
    began, release = threading.Event(), threading.Event()

    def act():
        began.set()
        release.wait(30)

    repetition = Repetition(0.001, act)
    repetition.start()
    assert began.wait(30)
    with pytest.raises(StackError, match="has not ended"):
        repetition.stop()
    release.set()
    monkeypatch.setattr(_repetition, "_JOIN_S", 10)
    repetition.stop()


def test_one_that_was_never_started_can_be_stopped():
    Repetition(1.0, lambda: None).stop()
