"""Signals during a run."""

import os
import signal
import subprocess
import sys
import time

import pytest

from gauntlet.core.errors import Exit, Interrupted
from gauntlet.runner import signals

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
# Interrupted, it goes on cleaning up, and prints that it has: for a test that sends more signals.
BUSY = """
import sys, time
from gauntlet.core.errors import Interrupted
from gauntlet.runner import signals
with signals.handled(lambda: sys.argv[1:], forced_exit=True):
    try:
        print("ready", flush=True)
        time.sleep(60)
    except Interrupted:
        print("interrupted", flush=True)
        time.sleep(60)
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_raises_and_the_second_is_ignored(number):
    """A second Ctrl-C must not stop the clean-up."""
    cleaned = False
    with signals.handled():
        with pytest.raises(Interrupted, match=signal.Signals(number).name):
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        cleaned = True
    assert cleaned


def test_a_signal_in_a_deferred_part_is_raised_at_its_end():
    done = []

    def signalled(handler):
        with handler.deferred():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("the rest")

    with signals.handled() as handler, pytest.raises(Interrupted, match="SIGTERM"):
        signalled(handler)
    assert done


def test_a_deferred_part_of_the_clean_up_does_not_end_the_clean_up():
    cleaned = []

    def signalled():
        with signals.handled() as handler:
            with handler.reraising_lost():
                pass
            with handler.deferred():
                os.kill(os.getpid(), signal.SIGTERM)
            cleaned.append("the rest")

    with pytest.raises(Interrupted):
        signalled()
    assert cleaned


def test_the_previous_handlers_are_restored():
    before = [signal.getsignal(number) for number in SIGNALS]
    with signals.handled():
        pass
    assert [signal.getsignal(number) for number in SIGNALS] == before


class _SignalsOnDestruction:
    """Sends a signal to this process while its destructor runs."""

    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)


def _destroy_and_wait():
    dangerous = _SignalsOnDestruction()
    del dangerous
    time.sleep(60)


def test_an_interrupt_that_python_dropped_is_raised_again(monkeypatch):
    """Python drops exceptions that are raised in a destructor."""
    monkeypatch.setattr(signals, "_RERAISE_S", 0.05)
    # The hook of pytest takes so long on a busy machine that the exception is raised within it.
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
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


def test_a_third_interrupt_does_not_end_the_process_unless_asked_for(monkeypatch):
    """The children of a campaign have sessions of their own, and would live on."""
    exits = []
    monkeypatch.setattr(signals.os, "_exit", exits.append)
    with signals.handled():
        with pytest.raises(Interrupted):
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    assert not exits


@pytest.mark.parametrize(
    ("faults", "doing", "code"),
    [
        (["edge-down", "slow"], "healing edge-down, slow", Exit.ROLLBACK),
        ([], "cleaning up", Exit.INTERRUPTED),
    ],
)
def test_a_second_interrupt_tells_what_is_awaited_and_a_third_ends_at_once(faults, doing, code):
    command = [sys.executable, "-P", "-c", BUSY, *faults]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True) as child:
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "interrupted\n"
        child.send_signal(signal.SIGTERM)  # asks for nothing more than the first signal
        child.send_signal(signal.SIGINT)
        assert child.stderr.readline() == "\n"
        assert child.stderr.readline().startswith(f"still {doing}; Ctrl-C again ends at once")
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == code
        assert "run `gauntlet recover`" in child.stderr.read()
