"""Signals while a run goes on."""

import os
import signal
import time

import pytest

from gauntlet.core.errors import Interrupted
from gauntlet.runner import signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_raises_and_the_second_does_not(number):
    """Cleaning up is never cut short by an impatient second Ctrl-C."""
    cleaned = False
    with signals.handled():
        with pytest.raises(Interrupted, match=signal.Signals(number).name):
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        cleaned = True
    assert cleaned


def test_the_handlers_of_before_come_back():
    """Code after a run sees Ctrl-C as it always did."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with signals.handled():
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
    monkeypatch.setattr(signals, "_RERAISE_S", 0.05)
    with signals.handled() as handler:
        with pytest.raises(Interrupted, match="SIGTERM"), handler.reraising_lost():
            _destroy_and_wait()
        time.sleep(0.2)


def _run(ends, then):
    """A run that ends so, and a clean-up in which a signal comes; what was done is noted."""
    with signals.handled() as handler:
        try:
            with handler.reraising_lost():
                ends()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            then.append("cleaned")


def test_a_first_signal_while_we_clean_up_waits_until_we_are_clean():
    """Healing is not cut short; the run was interrupted all the same."""
    done = []
    with pytest.raises(Interrupted, match="SIGTERM"):
        _run(lambda: None, done)
    assert done == ["cleaned"]


def test_a_graver_end_is_not_hidden_by_a_late_signal():
    """What broke the run is told, and not that somebody then lost patience."""
    done = []
    with pytest.raises(ZeroDivisionError):
        _run(lambda: 1 / 0, done)
    assert done == ["cleaned"]
