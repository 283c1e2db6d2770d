"""A child process does not outlive its parent (Linux)."""

import signal
import subprocess
import sys

import psutil
import pytest

from gauntlet.core import parent_death
from gauntlet.core.parent_death import exit_with_parent

PARENT = """
import subprocess, sys, time
from gauntlet.core.parent_death import exit_with_parent
command = [sys.executable, "-c", "import time; time.sleep(60)"]
child = subprocess.Popen(command, preexec_fn=exit_with_parent(int(sys.argv[1])))
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is a system call of Linux")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_child_ends_when_its_parent_is_killed(number):
    command = [sys.executable, "-c", PARENT, str(int(number))]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE)
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    child.wait(30)


def test_other_systems_return_none(monkeypatch):
    """`subprocess.Popen` accepts None as `preexec_fn`."""
    monkeypatch.setattr(parent_death.sys, "platform", "darwin")
    assert exit_with_parent(signal.SIGTERM) is None
