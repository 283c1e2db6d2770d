"""What happens before a run starts, and what stops it early."""

import json
import subprocess
import sys

import pytest

from gauntlet.cli.running import progress
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.run_directory import Journal, RunDir
from gauntlet.core.scenario.model import from_builtins
from gauntlet.runner import watch

CODE = """
import json, resource, sys
from pathlib import Path
from gauntlet.runner import run
from gauntlet.cli.running import progress as terminal
from gauntlet.core.errors import StackError
from gauntlet.core.scenario.model import from_builtins

class Broken:
    pid = 1
    def start(self, run, load_file, private):
        seen.append(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        raise StackError("no load today")
    def ended(self): return True
    def stop(self): pass

seen = []
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, min(hard, 5000)))
scenario = from_builtins({
    "version": 1, "name": "x", "about": "x",
    "target": {"stack": "external", "url": ["http://127.0.0.1:9"]},
})
try:
    view = terminal.choose(scenario, plain=True, stderr=True)
    run.run(scenario, run.Options(out=Path(sys.argv[1])), Broken(), view)
except StackError:
    pass
print(json.dumps(seen))
"""


def test_the_descriptor_limit_is_raised_before_children_start(tmp_path):
    """Children inherit the limit."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)], capture_output=True, check=True
    )
    (allowed,) = json.loads(done.stdout)
    assert 256 < allowed <= 5000


@pytest.fixture
def poll(tmp_path, monkeypatch):
    """Polls a guarded run once, after the worker has written a row; returns its stop."""
    monkeypatch.setattr(watch, "POLL_S", 0)
    guards = [{"check": "wire-order"}]
    scenario = from_builtins({"version": 1, "name": "x", "about": "x", "guards": guards})
    directory = RunDir.create(tmp_path, "x", 1)
    journal = Journal(directory, "load-0")
    watcher = watch.Watch(scenario, directory, progress.choose(scenario, plain=True, stderr=True))

    def poll(second, phase, backward):
        if phase not in watcher.phases.seen:
            journal.write("phase", phase=phase, t_ns=second * NS_PER_S)
        figures = {"acked": 9, "sent": 9, "outstanding": 0, "connections": 1, "users": 1}
        row = {"t_ns": second * NS_PER_S, "worker": 0, "phase": phase, "backward": backward}
        with directory.live.open("a") as file:
            file.write(json.dumps({**figures, **row}) + "\n")
        watcher.poll()
        return watcher.guards.stop

    yield poll
    journal.close()


def test_a_guard_sees_the_rows_of_the_load(poll):
    assert poll(1, "ramp", 0) is None
    assert poll(2, "steady", 0) is None
    assert poll(3, "steady", 2).value == 2


def test_a_guard_does_not_stop_the_end_of_a_load(poll):
    """What the audit finds is reconciled and judged instead."""
    poll(1, "ramp", 0)
    poll(2, "steady", 0)
    assert poll(3, "quiesce", 2) is None
    assert poll(4, "audit", 3) is None
