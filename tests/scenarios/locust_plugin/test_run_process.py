"""The conductor child of a plain Locust."""

import sys
from pathlib import Path

import pytest

from gauntlet.core.errors import StackError
from gauntlet.scenarios.locust_plugin.run_process import Conductor

GOOD = """
import sys
print('{"load": "/some/load.json"}', flush=True)
sys.stdin.read()
sys.exit(1)
"""
BAD = "print('no server'); raise SystemExit(3)"
DEAF = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
print('{"load": "x"}', flush=True)
signal.pause()
"""


def conductor(script):
    """A conductor that is this script."""
    return Conductor([], (sys.executable, "-P", "-c", script))


def test_the_load_is_where_the_conductor_says():
    """Its verdict is the exit code, once it is told that the load is over."""
    child = conductor(GOOD)
    assert child.wait_for_load(30) == Path("/some/load.json")
    assert child.judge() == 1


def test_a_server_that_does_not_come_up_is_an_error():
    """The conductor's own exit code can still be had."""
    child = conductor(BAD)
    with pytest.raises(StackError):
        child.wait_for_load(30)
    assert child.stop() == 3


def test_an_interrupt_reaches_the_conductor():
    """It is told by a signal, and ends in its own way."""
    child = conductor(DEAF)
    child.wait_for_load(30)
    assert child.stop() == 2
