"""A child process: its own session, and signals to its whole tree."""

import asyncio
import os
import signal
import sys

import psutil
import pytest

from gauntlet.reference_server.cluster.supervision import process as module
from gauntlet.reference_server.cluster.supervision.launch_spec import LaunchSpec
from gauntlet.reference_server.cluster.supervision.process import ChildProcess

# A parent of a child that has left its process group, as PostgreSQL's backends do.
FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"],
                         start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""
IGNORES_SIGTERM = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def launch(tmp_path):
    """A launch specification with only a log."""
    return LaunchSpec(argv=(), log=tmp_path / "log")


async def first_line(launch):
    """Wait for the line that the child prints when it is ready."""
    while not (launch.log.exists() and launch.log.read_text().endswith("\n")):
        await asyncio.sleep(0.01)
    return launch.log.read_text().strip()


async def family(launch):
    """Start a child that has a child itself; return both."""
    child = await ChildProcess.spawn((sys.executable, "-c", FAMILY), launch)
    return child, psutil.Process(int(await first_line(launch)))


async def test_a_child_leads_its_own_session(launch):
    """So Ctrl-C in the terminal does not reach it."""
    child = await ChildProcess.spawn(("sleep", "60"), launch)
    assert os.getsid(child.pid) == child.pid != os.getsid(0)
    await child.kill()
    assert not child.alive


async def test_kill_ends_descendants_that_have_left_the_process_group_too(launch):
    child, grandchild = await family(launch)
    await child.kill()
    assert await child.wait() == -signal.SIGKILL
    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE


async def test_stop_and_continue_reach_the_descendants(launch):
    """A paused database must not have running backends."""
    child, grandchild = await family(launch)
    child.signal_tree(signal.SIGSTOP)
    while grandchild.status() != psutil.STATUS_STOPPED:
        await asyncio.sleep(0.01)
    child.signal_tree(signal.SIGCONT)
    while grandchild.status() == psutil.STATUS_STOPPED:
        await asyncio.sleep(0.01)
    assert psutil.Process(child.pid).status() != psutil.STATUS_STOPPED
    await child.kill()


async def test_end_does_not_kill_a_process_that_obeys_the_signal(launch):
    """Even if the process was stopped."""
    child = await ChildProcess.spawn(("sleep", "60"), launch)
    child.signal_tree(signal.SIGSTOP)
    await child.end(signal.SIGTERM, 10)
    assert await child.wait() == -signal.SIGTERM


async def test_end_kills_a_process_that_ignores_the_signal(launch):
    child = await ChildProcess.spawn((sys.executable, "-c", IGNORES_SIGTERM), launch)
    await first_line(launch)
    await child.end(signal.SIGTERM, 0.2)
    assert await child.wait() == -signal.SIGKILL


async def test_end_waits_for_the_descendants_that_it_kills(launch, monkeypatch):
    """Their shared memory and their ports are free only then."""
    child, grandchild = await family(launch)
    looks = []

    def is_live(process):
        looks.append(process.pid)
        return len(looks) < 3

    monkeypatch.setattr(module, "_is_live", is_live)
    await child.end(signal.SIGTERM, 30)
    assert looks == [grandchild.pid] * 3
    assert await child.wait() == -signal.SIGTERM


async def test_end_and_kill_of_a_dead_child_do_nothing(launch):
    """Its pid may be in use by another process."""
    child = await ChildProcess.spawn(("true",), launch)
    assert await child.wait() == 0
    await child.end(signal.SIGTERM, 1)
    await child.kill()
    child.signal(signal.SIGKILL)


async def test_standard_input_is_written_and_stays_open(tmp_path):
    launch = LaunchSpec(argv=(), log=tmp_path / "log", stdin=b"hello\n")
    child = await ChildProcess.spawn(("cat",), launch)
    assert await first_line(launch) == "hello"
    assert child.alive
    await child.kill()
