"""The resources that each part of a run uses."""

import subprocess
import sys
import time
from types import SimpleNamespace

import psutil
import pytest

from gauntlet.core.run_directory import Journal, RunDir, read_jsonl
from gauntlet.runner import resource_monitor
from gauntlet.runner.resource_monitor import (
    ResourceMonitor,
    ResourceUsage,
    StallMonitor,
    cores_used,
)

SPIN = "while True: pass"
PARENT = (
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'while True: pass']);"
    "time.sleep(60)"
)
PRESSURE = "some avg10=0.00 avg60=0.00 avg300=0.00 total={}\nfull avg10=0.00 total=7\n"


@pytest.fixture
def start_child():
    """Starts Python children, and ends them with all of their descendants."""
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


def test_every_part_of_the_run_is_reported_with_its_usage(tmp_path, start_child):
    run = RunDir.create(tmp_path, "it", 1)
    parts = {
        "load": start_child(PARENT),
        "proxy-clients": start_child("import time; time.sleep(60)"),
    }
    stack = start_child(SPIN)
    sampling = ResourceMonitor(Journal(run, "vitals"), lambda: parts)
    deadline = time.monotonic() + 60
    sampling.start()
    while time.monotonic() < deadline:
        rows = list(read_jsonl(run.events / "vitals.jsonl"))
        cores = rows[-1]["cores"] if rows else {}
        # At first, every child reads its modules.
        if (
            cores.get("load-children", 0) > 0.05 > cores.get("proxy-clients", 1)
            and cores.get("stack", 0) > 0.05
        ):
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


def test_a_reused_pid_is_another_process():
    """Otherwise the CPU time of a restarted component would run backwards."""
    before = ResourceUsage({(7, 1.0): 90.0, (8, 1.0): 5.0}, 0)
    after = ResourceUsage({(7, 2.0): 0.5, (8, 1.0): 5.5}, 0)
    assert cores_used(before, after, 2.0) == pytest.approx(0.5)


def test_sockets_are_read_from_the_kernel_if_it_reports_them(tmp_path):
    source = tmp_path / "sockstat"
    source.write_text("sockets: used 9\nTCP: inuse 12 orphan 0 tw 5 alloc 20 mem 3\n")
    found = resource_monitor.sockets(source)
    assert found == ({"tcp_in_use": 12, "tcp_time_wait": 5} if sys.platform == "linux" else {})
    assert resource_monitor.sockets(tmp_path / "none") == {}


def test_the_increase_of_the_kernels_total_is_reported_once_as_a_share_of_time(
    tmp_path, monkeypatch
):
    source = tmp_path / "io"
    source.write_text(PRESSURE.format(1_000_000))
    times_s = iter((10.0, 10.5, 10.6))
    monkeypatch.setattr(resource_monitor, "time", SimpleNamespace(monotonic=times_s.__next__))
    stalls = StallMonitor(source)
    source.write_text(PRESSURE.format(1_250_000))
    assert stalls.since_last()["storage_wait_share"] == 0.5
    assert stalls.since_last()["storage_wait_share"] == 0


def test_a_share_is_at_most_one(tmp_path):
    """The kernel's clock and the one of the process differ slightly."""
    source = tmp_path / "io"
    source.write_text(PRESSURE.format(0))
    stalls = StallMonitor(source)
    source.write_text(PRESSURE.format(9_000_000))
    assert stalls.since_last()["storage_wait_share"] == 1


@pytest.mark.parametrize("content", [None, "", "some of it\n"])
def test_no_share_is_reported_without_the_kernels_accounting(tmp_path, content):
    source = tmp_path / "io"
    if content is not None:
        source.write_text(content)
    assert "storage_wait_share" not in StallMonitor(source).since_last()
