"""A campaign that a signal ends says what is recorded."""

import os
import signal

import pytest

from gauntlet.campaigns import interrupts
from gauntlet.core.errors import Interrupted


def interrupt(number):
    """Send a signal to this process."""
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_error_names_the_signal_and_the_progress(number):
    sentence = f"stopped by {signal.Signals(number).name}: 2 of 3"
    with pytest.raises(Interrupted, match=sentence), interrupts.explained(lambda: "2 of 3"):
        interrupt(number)


def test_other_errors_and_the_end_stay_as_they_are():
    with pytest.raises(ZeroDivisionError), interrupts.explained(lambda: "2 of 3"):
        raise ZeroDivisionError
    with interrupts.explained(lambda: "2 of 3"):
        pass
