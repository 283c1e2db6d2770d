"""Ctrl-C reaches Locust's main greenlet."""

import subprocess
import sys

import pytest

# Python discards an exception that is raised in a destructor, so also that of a signal.
LOST_IN_A_DESTRUCTOR = """
import os, signal
import gevent
from gauntlet.scenarios.locust_plugin.runtime.keyboard_interrupt import KeyboardInterrupts

class Interrupted:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass  # the handler runs here

interrupts = KeyboardInterrupts()
interrupts.install()
gevent.spawn(Interrupted)
try:
    gevent.sleep(20)
    print("ran on")
except KeyboardInterrupt:
    interrupts.acknowledge()
    gevent.sleep({after})
    print("interrupted")
"""


@pytest.mark.parametrize("after", [0, 1.2], ids=["immediate end", "slow end"])
def test_an_interrupt_that_is_lost_is_raised_again_once(after):
    """In the main greenlet, although Python has discarded it; not while Locust ends."""
    script = LOST_IN_A_DESTRUCTOR.format(after=after)
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr
    assert "Exception ignored in" in done.stderr
