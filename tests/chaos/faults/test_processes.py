"""Victims, and what became of them."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from gauntlet.chaos.faults import _processes
from gauntlet.chaos.faults._processes import port_state, process_state, verify_running, victims
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.core.errors import RollbackError


def test_the_first_running_by_name_are_the_victims(world):
    """Those that are down are passed over; None takes all."""
    world.control.states["gateway-1"] = "held"
    assert list(victims(world.context, "gateway", 1)) == ["gateway-2"]
    assert list(victims(world.context, "edge", None)) == ["edge-blue-1", "edge-blue-2"]


def test_nobody_running_is_a_failure(world):
    """A fault without a victim did not act."""
    world.control.states["broker"] = "held"
    with pytest.raises(FaultFailed, match="nothing of broker"):
        victims(world.context, "broker", 1)


def test_process_state_follows_a_real_process():
    """Running, stopped by SIGSTOP, and gone, as a zombie too."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert process_state(child.pid) not in ("gone", "stopped")
        os.kill(child.pid, signal.SIGSTOP)
        await_state(child.pid, "stopped")
        child.kill()
        await_state(child.pid, "gone")
    finally:
        child.kill()
        child.communicate()
    assert process_state(child.pid) == "gone"
    assert process_state(None) == "gone"


def await_state(pid, wanted):
    """Signals take a moment."""
    deadline = time.monotonic() + 5
    while process_state(pid) != wanted:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_port_state():
    """Open, refused, or none, with or without a scheme."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert port_state(address) == "open"
        assert port_state(f"http://{address}") == "open"
    assert port_state(address) == "refused"
    assert port_state(None) == "none"


def test_running_again_needs_a_process(world, monkeypatch):
    """`up` without a live process is not believed."""
    monkeypatch.setattr(_processes, "VERIFY_S", 0.0)
    monkeypatch.setattr(_processes, "process_state", lambda _: "gone")
    with pytest.raises(RollbackError, match="gateway-1"):
        verify_running(world.context, ["gateway-1"])


def test_what_a_cutover_retired_may_stay_down(world):
    """A victim whose environment was retired meanwhile is nobody's to start."""
    assert verify_running(world.context, ["edge-green-1"]) == {"edge-green-1": "planned"}
    assert verify_running(world.context, []) == {}
