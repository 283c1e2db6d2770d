"""Signals while a run goes on."""

import os
import signal

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
