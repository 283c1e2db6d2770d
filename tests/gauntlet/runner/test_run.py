"""What a run does before it starts anything, and what stops it early."""

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
    def start(self, run, load_file):
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


def test_children_may_open_what_there_is(tmp_path):
    """The limit is raised before any child is there: edges and proxies inherit it."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)], capture_output=True, check=True
    )
    (allowed,) = json.loads(done.stdout)
    assert 256 < allowed <= 5000


@pytest.fixture
def polled(tmp_path, monkeypatch):
    """Polls a guarded run once, after workers wrote these live rows."""
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


def test_a_guard_stops_a_run_that_loses_messages(polled):
    """A loss that is counted under load need not wait for the end."""
    polled({"phase": "steady", "lost": 0})
    with pytest.raises(Interrupted, match="2 acknowledged messages were lost"):
        polled({"phase": "steady", "lost": 2})


def test_a_guard_leaves_an_audit_alone(polled):
    """What the audit finds is reconciled and judged, the other workers' audits as well."""
    polled({"phase": "audit", "lost": 2})
    polled({"phase": "flushed", "lost": 2}, {"phase": "quiesce", "lost": 0})
