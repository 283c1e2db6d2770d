"""Processes are known by their id and their start, and by the environment of their run."""

import os
import subprocess
import sys

import pytest

from gauntlet.runner.recovery.identity import RUN_ENV, Identity, identify, living

SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(300)"]


@pytest.fixture
def start():
    """Start processes, which are killed at the end of the test."""
    children = []

    def run(command, **environment):
        child = subprocess.Popen(command, env={**os.environ, **environment})
        children.append(child)
        return child

    yield run
    for child in children:
        child.kill()
        child.wait()


def test_the_identity_of_a_process_does_not_change():
    identity = identify(os.getpid())
    assert identity is not None
    assert identify(os.getpid()) == identity


def test_a_process_that_is_gone_has_none(start):
    child = start(["true"])
    child.wait()
    assert identify(child.pid) is None


def test_a_process_with_a_used_again_id_is_not_found(start):
    child = start(SLEEP)
    known = identify(child.pid)
    assert [each.pid for each in living([known], "r")] == [child.pid]
    assert list(living([Identity(child.pid, known.started + "0")], "r")) == []


def test_a_process_is_found_by_the_environment_of_its_run(start):
    child = start(SLEEP, **{RUN_ENV: "run-1"})
    start(SLEEP, **{RUN_ENV: "run-2"})
    assert [each.pid for each in living([], "run-1")] == [child.pid]


def test_a_zombie_does_not_live(start):
    child = start(["sleep", "300"])
    known = identify(child.pid)
    os.kill(child.pid, 9)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert list(living([known], "r")) == []
