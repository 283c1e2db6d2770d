"""Children of a campaign that end late, or that an interrupt stops."""

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


def test_children_that_an_interrupt_stops_are_named(sleepers, tmp_path, monkeypatch):
    monkeypatch.setattr(child_runs, "time", SimpleNamespace(monotonic=time.monotonic, sleep=stop))
    stopped, finished = [], []
    queue = [Planned(name, name, {}) for name in "ab"]
    with pytest.raises(Interrupted):
        child_runs.run_all(queue, tmp_path, 2, finished.append, 60, stopped.append)
    assert [child.item for child in stopped] == ["a", "b"]
    assert None not in [child.process.returncode for child in stopped]
    assert finished == []
