"""Signals while a run goes on."""

import os
import signal
import time

import pytest

from gauntlet import interrupts
from gauntlet.kernel.errors import Interrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_raises_and_the_second_does_not(number):
    """Cleaning up is never cut short by an impatient second Ctrl-C."""
    cleaned = False
    with interrupts.raised():
        with pytest.raises(Interrupted, match=signal.Signals(number).name):
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        cleaned = True
    assert cleaned


def test_the_handlers_of_before_come_back():
    """Code after a run sees Ctrl-C as it always did."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with interrupts.raised():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


class _Unlucky:
    """A signal comes while its destructor runs."""

    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)


def _destroy_and_wait():
    unlucky = _Unlucky()
    del unlucky
    time.sleep(5)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_that_python_dropped_is_heard_all_the_same(monkeypatch):
    """An exception in a destructor goes nowhere: the interrupt is raised anew, and then no more."""
    monkeypatch.setattr(interrupts, "_AGAIN_S", 0.05)
    with interrupts.raised() as signals:
        with pytest.raises(Interrupted, match="SIGTERM"), signals.insisting():
            _destroy_and_wait()
        time.sleep(0.2)
