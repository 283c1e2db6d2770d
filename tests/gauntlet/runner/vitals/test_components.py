"""What the components of a stack use."""

import subprocess
import sys
import time

import psutil
import pytest

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.core.errors import StackError
from gauntlet.runner.vitals import components as module
from gauntlet.runner.vitals.components import ComponentSampler, usages

WRITES = """
import os, sys, time
file = open(sys.argv[1], "wb")
while True:
    os.write(file.fileno(), b"x" * 10_000)
    time.sleep(0.01)
"""
SLEEPS = "import time; time.sleep(60)"


@pytest.fixture
def start():
    """Starts Python processes, and ends them."""
    started = []

    def start(code, *arguments):
        started.append(subprocess.Popen([sys.executable, "-c", code, *arguments]))
        return started[-1].pid

    yield start
    for each in started:
        each.kill()
        each.wait()


def components(**pids):
    return {
        name: Component(name, "edge", "up" if pid else "planned", pid=pid)
        for name, pid in pids.items()
    }


def sampled(sampling, is_wanted):
    """Sample until a row is as wanted."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        row = sampling.sample({}, 0.3)
        if is_wanted(row):
            return row
        time.sleep(0.3)
    raise AssertionError(row)


def test_a_component_has_its_cpu_memory_and_bytes(start, tmp_path):
    busy = start(WRITES, str(tmp_path / "file"))
    idle = start(SLEEPS)
    sampling = ComponentSampler(lambda: components(busy=busy, idle=idle, planned=None), None)
    sampling.start()
    row = sampled(sampling, lambda row: row["component_cores"].keys() == {"busy", "idle"})
    assert row["component_rss_bytes"]["idle"] > 2**20
    assert row["database_bytes"] == {}
    if sys.platform == "linux":  # at first, Python reads its modules
        sampled(
            sampling,
            lambda row: (
                row["component_io_bytes_per_s"]["busy"]
                > 50_000
                > row["component_io_bytes_per_s"]["idle"]
            ),
        )
    sampling.stop()


def test_descendants_belong_to_the_nearest_component(start):
    nearer = start(SLEEPS)
    own = psutil.Process()
    before = usages({"outer": own.pid}, {own.pid: [nearer]})
    both = usages({"outer": own.pid, "inner": nearer}, {own.pid: [nearer]})
    assert {pid for pid, _ in before["outer"].cpu_s} == {own.pid, nearer}
    assert {pid for pid, _ in both["outer"].cpu_s} == {own.pid}
    assert {pid for pid, _ in both["inner"].cpu_s} == {nearer}


def test_a_component_that_has_ended_is_left_out():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert usages({"gone": ended.pid}, {}) == {}


def test_the_components_that_were_known_last_are_sampled_while_none_are_told(start):
    pid, answers = start(SLEEPS), []

    def ask():
        answers.append(1)
        if len(answers) > 1:
            raise StackError("control API: no answer")
        return components(edge=pid)

    sampling = ComponentSampler(ask, None)
    sampling.start()
    deadline = time.monotonic() + 60
    while len(answers) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    row = sampled(sampling, lambda row: "edge" in row["component_cores"])
    sampling.stop()
    assert row["component_rss_bytes"]["edge"] > 0


def test_databases_that_could_not_be_measured_are_measured_again(monkeypatch, tmp_path):
    answers = iter([FileNotFoundError("moved"), {"messages-db": 1}])

    def measure(_):
        answer = next(answers, {"messages-db": 2})
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(module, "database_bytes", measure)
    monkeypatch.setattr(module, "_POLL_S", 0.02)
    sampling = ComponentSampler(dict, tmp_path)
    sampling.start()
    sampled(sampling, lambda row: row["database_bytes"] == {"messages-db": 2})
    sampling.stop()
