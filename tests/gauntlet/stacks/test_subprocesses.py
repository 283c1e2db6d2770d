"""Child processes have their own session and are never left running."""

import os
import subprocess
import sys

import psutil
import pytest

from gauntlet.stacks import subprocesses


def test_modules_of_the_current_folder_are_never_run(tmp_path):
    """A file `reports/__init__.py` in the user's folder is not imported by our children."""
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "__init__.py").write_text("raise SystemExit('hostile')")
    command = subprocesses.python("gauntlet", "list")
    completed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (completed.returncode, "hostile" in completed.stderr) == (0, False)


def test_a_child_has_its_own_session():
    """Ctrl-C in the terminal reaches only the harness."""
    child = subprocesses.start([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert os.getsid(child.pid) == child.pid
    finally:
        subprocesses.end(child, grace_s=5)
        child.stdin.close()


def test_a_child_that_ignores_sigterm_is_killed_with_its_session():
    """After the grace period, no process of the session is running."""
    code = (
        "import signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "grandchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print(grandchild.pid, flush=True); signal.pause()"
    )
    child = subprocesses.start([sys.executable, "-c", code], stdout=subprocess.PIPE)
    grandchild = psutil.Process(int(child.stdout.readline()))
    assert subprocesses.end(child, grace_s=0.2) < 0
    child.stdout.close()
    grandchild.wait(30)


def kill_parent(code, *, paused=False):
    """Run a parent that starts a child and prints its id, kill it, and wait for the child's end."""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    child = psutil.Process(int(parent.stdout.readline()))
    if paused:
        child.suspend()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    child.wait(30)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG exists only on Linux")
def test_a_child_ends_when_its_parent_is_killed():
    """Even SIGKILL of the harness leaves nothing running."""
    kill_parent(
        "from gauntlet.stacks import subprocesses; import sys, time;"
        "child = subprocesses.start([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print(child.pid, flush=True); time.sleep(60)"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG exists only on Linux")
def test_a_paused_child_that_ignores_sigterm_ends_with_its_parent_by_its_orphan_signal():
    """A foreign server may take long to stop, or be paused by a fault."""
    ignores = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    kill_parent(
        "from gauntlet.stacks import subprocesses; import signal, sys, time;"
        f"command = [sys.executable, '-c', {ignores!r}];"
        "child = subprocesses.start(command, orphan_signal=signal.SIGKILL);"
        "print(child.pid, flush=True); time.sleep(60)",
        paused=True,
    )
