"""What happens before a run starts, and what stops it early."""

import json
import subprocess
import sys

import pytest

from gauntlet.cli import progress
from gauntlet.core.errors import Interrupted
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario.model import from_builtins
from gauntlet.runner import watch

CODE = """
import json, resource, sys
from pathlib import Path
from gauntlet.runner import run
from gauntlet.cli import progress as terminal
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
    """Polls a guarded run once, after the workers have written these live rows."""
    monkeypatch.setattr(watch, "POLL_S", 0)
    guards = [{"check": "lost-acked"}]
    scenario = from_builtins({"version": 1, "name": "x", "about": "x", "guards": guards})
    directory = RunDir.create(tmp_path, "x", 1)
    view = progress.choose(scenario, plain=True, stderr=True)
    watcher = watch.Watch(scenario, directory, view)

    def poll(*rows):
        figures = {"acked": 9, "sent": 9, "outstanding": 0, "connections": 1, "users": 1}
        with directory.live.open("a") as file:
            for worker, row in enumerate(rows):
                file.write(json.dumps({"t_ns": 1, "worker": worker, **figures, **row}) + "\n")
        watcher.poll()

    return poll


def test_a_guard_stops_a_run_that_loses_acknowledged_messages(poll):
    poll({"phase": "steady", "lost": 0})
    with pytest.raises(Interrupted, match="2 acknowledged messages were lost"):
        poll({"phase": "steady", "lost": 2})


def test_a_guard_does_not_stop_the_audit(poll):
    """The audit's findings are reconciled and judged instead."""
    poll({"phase": "audit", "lost": 2})
    poll({"phase": "flushed", "lost": 2}, {"phase": "quiesce", "lost": 0})
