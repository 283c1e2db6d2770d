"""What a run does before it starts anything."""

import json
import subprocess
import sys

CODE = """
import json, resource, sys
from pathlib import Path
from gauntlet import run, terminal
from gauntlet.kernel.errors import StackError
from gauntlet.kernel.scenario import from_builtins

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
