"""Start and Stop of Locust's web UI, pressed by hand and at bad moments."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from gauntlet.core.run_directory import RunDir
from gauntlet.scenarios.locust_plugin import __file__ as bridge
from gauntlet.stacks.free_port import free_port

pytestmark = pytest.mark.integration
ENTRY = Path(bridge).with_name("entry.py")
PATIENCE_S = 40.0
SCENARIO = {
    "version": 1, "name": "short", "about": "Three seconds.",
    "load": {"users": 6, "rate": "50/s", "ramp": "1s", "steady": "2s"},
}  # fmt: skip


class Web:
    """A Locust with its web UI, and the runs that it leaves."""

    def __init__(self, folder, host):
        self.runs = folder / "runs"
        self.url = f"http://127.0.0.1:{free_port()}"
        self.form = {"user_count": "6", "spawn_rate": "6", "host": host}
        (folder / "short.yaml").write_text(json.dumps(SCENARIO))
        port = self.url.rpartition(":")[2]
        command = [sys.executable, "-P", "-m", "locust", "-f", str(ENTRY)]
        command += ["--scenario", "short.yaml", "--web-host", "127.0.0.1", "--web-port", port]
        with (folder / "locust.log").open("ab") as log:
            self.child = subprocess.Popen(
                command,
                cwd=folder,
                env={key: value for key, value in os.environ.items() if key != "GAUNTLET_LOAD"},
                stdout=log,
                stderr=log,
            )

    def start(self, **form):
        """Press Start."""
        body = urllib.parse.urlencode({**self.form, **form}).encode()
        with urllib.request.urlopen(f"{self.url}/swarm", body, timeout=PATIENCE_S) as answer:
            assert json.load(answer)["success"]

    def stop(self):
        """Press Stop, which is answered when the load has ended."""
        request = urllib.request.Request(f"{self.url}/stop", method="POST")
        urllib.request.urlopen(request, timeout=PATIENCE_S).close()

    def until(self, what):
        """Wait for something that is true of the runs."""
        deadline = time.monotonic() + PATIENCE_S
        while not what():
            assert time.monotonic() < deadline
            assert self.child.poll() is None
            time.sleep(0.02)

    def judged(self):
        """The runs that have been judged, the oldest first."""
        files = sorted(self.runs.glob("*/result.json"), key=lambda file: file.stat().st_mtime_ns)
        return [RunDir.open(file.parent) for file in files]

    def rows(self, kind):
        """The rows of a kind in the journals of all loads."""
        files = self.runs.glob("*/events/load-0.jsonl")
        rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        return sorted((row for row in rows if row["kind"] == kind), key=lambda row: row["t_ns"])

    def phases(self):
        """What all loads went through, in order."""
        return [row["phase"] for row in self.rows("phase")]

    def has_stopped(self, runs):
        """Whether so many have been judged, and the page offers another."""
        with urllib.request.urlopen(f"{self.url}/stats/requests", timeout=PATIENCE_S) as answer:
            return json.load(answer)["state"] == "stopped" and len(self.judged()) == runs

    def is_up(self):
        """Whether the page can be had."""
        with suppress(OSError):
            urllib.request.urlopen(self.url, timeout=PATIENCE_S).close()
            return True
        return False


@pytest.fixture
def web(tmp_path, distant_peer):
    """A Locust that waits for Start; it is ended at the end."""
    made = Web(tmp_path, distant_peer.url)
    try:
        made.until(made.is_up)
        yield made
    finally:
        made.child.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            made.child.wait(20)
        made.child.kill()
        made.child.wait()


def test_stop_while_the_load_ends_by_itself_changes_nothing(web):
    """It is ended in order and judged, once; whoever pressed Stop waits for that."""
    web.start()
    web.until(lambda: "quiesce" in web.phases())
    web.stop()
    (run,) = web.judged()
    (line,) = web.rows("reconciliation")
    assert line["acked"] == line["ops"] > 0
    assert run.read_result()["verdict"]["exit_code"] == 0


def at_once(_web):
    """Start has only just been answered."""
    return True


def conductor_is_there(web):
    """It has begun to look at the server."""
    return psutil.Process(web.child.pid).children()


def run_is_there(web):
    """It has made the folder of its run: the load is about to begin."""
    return list(web.runs.glob("*"))


@pytest.mark.parametrize("moment", [at_once, conductor_is_there, run_is_there])
def test_stop_in_the_boot_leaves_no_load_behind(web, moment):
    """The next load is alone, lasts as long as it should, and is judged."""
    web.start()
    web.until(lambda: moment(web))
    web.stop()
    before, judged = len(web.phases()), len(web.judged())
    # A quick machine may have begun the load by now: then it was ended in order.
    assert web.phases()[-1:] in ([], ["flushed"])
    web.start()
    web.until(lambda: web.has_stopped(judged + 1))
    assert web.phases()[before:] == ["ramp", "steady", "quiesce", "audit", "flushed"]
    begun, _, ended, *_ = web.rows("phase")[before:]
    assert ended["t_ns"] - begun["t_ns"] >= 3e9


def test_a_run_time_that_was_emptied_is_forgotten(web):
    """The load after it lasts as long as its scenario, and ends by itself."""
    web.start(run_time="2s")
    web.until(lambda: web.has_stopped(1))
    web.start(run_time="")
    web.until(lambda: web.has_stopped(2))
    first, second = (run.read_manifest()["scenario"]["load"] for run in web.judged())
    assert first["ramp"] + first["steady"] == pytest.approx(2)
    assert second["ramp"] + second["steady"] == pytest.approx(3)
