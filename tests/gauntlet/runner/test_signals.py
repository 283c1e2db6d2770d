"""Signals during a run."""

import os
import signal
import time

import pytest

from gauntlet.core.errors import Interrupted
from gauntlet.runner import signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_raises_and_the_second_is_ignored(number):
    """A second Ctrl-C must not stop the clean-up."""
    cleaned = False
    with signals.handled():
        with pytest.raises(Interrupted, match=signal.Signals(number).name):
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        cleaned = True
    assert cleaned


def test_the_previous_handlers_are_restored():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with signals.handled():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


class _SignalsOnDestruction:
    """Sends a signal to this process while its destructor runs."""

    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)


def _destroy_and_wait():
    dangerous = _SignalsOnDestruction()
    del dangerous
    time.sleep(5)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_python_dropped_is_raised_again(monkeypatch):
    """Python drops exceptions that are raised in a destructor."""
    monkeypatch.setattr(signals, "_RERAISE_S", 0.05)
    with signals.handled() as handler:
        with pytest.raises(Interrupted, match="SIGTERM"), handler.reraising_lost():
            _destroy_and_wait()
        time.sleep(0.2)


def _run_and_clean_up(run, steps):
    """Run a function, and receive a signal during the clean-up, which `steps` records."""
    with signals.handled() as handler:
        try:
            with handler.reraising_lost():
                run()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            steps.append("cleaned")


def test_a_signal_during_the_clean_up_is_raised_after_it():
    steps = []
    with pytest.raises(Interrupted, match="SIGTERM"):
        _run_and_clean_up(lambda: None, steps)
    assert steps == ["cleaned"]


def test_an_earlier_error_is_not_hidden_by_a_late_signal():
    steps = []
    with pytest.raises(ZeroDivisionError):
        _run_and_clean_up(lambda: 1 / 0, steps)
    assert steps == ["cleaned"]
