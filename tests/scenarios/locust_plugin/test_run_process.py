"""The `gauntlet conduct` child of a plain Locust."""

import sys
from pathlib import Path

import pytest

from gauntlet.core.errors import StackError
from gauntlet.scenarios.locust_plugin.run_process import RunProcess

BOOTS_AND_JUDGES = """
import sys
print('{"load": "/some/load.json"}', flush=True)
sys.stdin.read()
sys.exit(1)
"""
FAILS_TO_BOOT = "print('no server'); raise SystemExit(3)"
IGNORES_STDIN = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
print('{"load": "x"}', flush=True)
signal.pause()
"""


def run_process(script):
    """A run process whose child executes a script."""
    return RunProcess([], (sys.executable, "-P", "-c", script))


def test_the_child_names_the_load_file_and_returns_the_verdict():
    child = run_process(BOOTS_AND_JUDGES)
    assert child.wait_for_load(30) == Path("/some/load.json")
    assert child.judge() == 1


def test_a_server_that_does_not_start_is_an_error():
    """The child's own exit code is still available."""
    child = run_process(FAILS_TO_BOOT)
    with pytest.raises(StackError):
        child.wait_for_load(30)
    assert child.stop() == 3


def test_stopping_sends_the_child_a_signal():
    child = run_process(IGNORES_STDIN)
    child.wait_for_load(30)
    assert child.stop() == 2
