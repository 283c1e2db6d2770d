"""Children of a campaign that end late, or that an interrupt stops."""

import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from gauntlet.campaigns import child_runs
from gauntlet.campaigns.child_runs import Child, Planned
from gauntlet.core.errors import Interrupted


@pytest.fixture
def sleepers(monkeypatch):
    """Replace the runs by processes that sleep."""

    def start(planned, out):
        command = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
        process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        return Child(planned.item, process, out, time.monotonic())

    monkeypatch.setattr(child_runs, "_start", start)


def test_a_child_that_does_not_end_in_time_is_finished_as_late(sleepers, tmp_path):
    found = []
    child_runs.run_all([Planned("a", "a", {})], tmp_path, 1, found.append, 0.3)
    (child,) = found
    assert child.late
    assert child.process.returncode not in (None, 0)


def stop(_seconds):
    raise Interrupted("Ctrl-C")


def test_a_signal_while_a_child_is_started_does_not_leave_it_running(tmp_path, monkeypatch):
    started = []

    def start(planned, out):
        command = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
        started.append(subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL))
        signal.raise_signal(signal.SIGTERM)
        return Child(planned.item, started[0], out, time.monotonic())

    monkeypatch.setattr(child_runs, "_start", start)
    try:
        with pytest.raises(Interrupted, match="SIGTERM"):
            child_runs.run_all([Planned("a", "a", {})], tmp_path, 1, lambda _: None, 60)
        assert started[0].poll() is not None
    finally:
        started[0].kill()
        started[0].wait()


def test_children_that_an_interrupt_stops_are_named(sleepers, tmp_path, monkeypatch):
    monkeypatch.setattr(child_runs, "time", SimpleNamespace(monotonic=time.monotonic, sleep=stop))
    stopped, finished = [], []
    queue = [Planned(name, name, {}) for name in "ab"]
    with pytest.raises(Interrupted):
        child_runs.run_all(queue, tmp_path, 2, finished.append, 60, stopped.append)
    assert [child.item for child in stopped] == ["a", "b"]
    assert None not in [child.process.returncode for child in stopped]
    assert finished == []
