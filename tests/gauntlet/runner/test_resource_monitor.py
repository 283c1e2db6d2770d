"""What each part of a run takes of the machine."""

import subprocess
import sys
import time

import psutil
import pytest

from gauntlet.core.run_directory import Journal, RunDir, read_jsonl
from gauntlet.runner import resource_monitor
from gauntlet.runner.resource_monitor import ResourceMonitor, ResourceUsage, cores_used

SPIN = "while True: pass"
PARENT = (
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'while True: pass']);"
    "time.sleep(60)"
)


@pytest.fixture
def child():
    """Starts Python children, and ends each with whatever it started."""
    started = []

    def start(code):
        started.append(subprocess.Popen([sys.executable, "-c", code], start_new_session=True))
        return started[-1].pid

    yield start
    for each in started:
        for below in psutil.Process(each.pid).children(recursive=True):
            below.kill()
        each.kill()
        each.wait()


def test_every_part_is_told_with_what_it_used(tmp_path, child):
    """The load, a worker below it, and the stack each have their own column."""
    run = RunDir.create(tmp_path, "it", 1)
    parts = {"load": child(PARENT), "proxy-clients": child("import time; time.sleep(60)")}
    stack = child(SPIN)
    sampling = ResourceMonitor(Journal(run, "vitals"), lambda: parts)
    deadline = time.monotonic() + 20
    sampling.start()
    while time.monotonic() < deadline:
        rows = list(read_jsonl(run.events / "vitals.jsonl"))
        if rows and rows[-1]["cores"].get("load-children", 0) > 0.05:
            break
        time.sleep(0.1)
    sampling.stop()
    row = rows[-1]
    assert psutil.pid_exists(stack)
    assert row["kind"] == "vitals"
    assert row["cores"]["stack"] > 0.05
    assert row["cores"]["load-children"] > 0.05
    assert row["cores"]["proxy-clients"] < 0.05
    assert row["rss_bytes"]["load"] > 2**20
    assert 0 < row["machine_cpu_share"] <= 1


def test_a_pid_that_came_again_is_another_process():
    """A component that was killed and started anew does not make time run backwards."""
    before = ResourceUsage({(7, 1.0): 90.0, (8, 1.0): 5.0}, 0)
    after = ResourceUsage({(7, 2.0): 0.5, (8, 1.0): 5.5}, 0)
    assert cores_used(before, after, 2.0) == pytest.approx(0.5)


def test_sockets_are_read_from_the_kernel(tmp_path):
    """The line of TCP is found; where there is none, nothing is claimed."""
    source = tmp_path / "sockstat"
    source.write_text("sockets: used 9\nTCP: inuse 12 orphan 0 tw 5 alloc 20 mem 3\n")
    found = resource_monitor.sockets(source)
    assert found == ({"tcp_in_use": 12, "tcp_time_wait": 5} if sys.platform == "linux" else {})
    assert resource_monitor.sockets(tmp_path / "none") == {}
