"""Selecting components and observing the state of their processes."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from gauntlet.chaos.faults import _processes
from gauntlet.chaos.faults._processes import (
    port_state,
    process_state,
    select_victims,
    verify_running,
)
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.core.errors import RollbackError


def test_the_first_running_components_by_name_are_selected(stack):
    """Components that are down are skipped; None selects all."""
    stack.control.states["gateway-1"] = "held"
    assert list(select_victims(stack.context, "gateway", 1)) == ["gateway-2"]
    assert list(select_victims(stack.context, "edge", None)) == ["edge-blue-1", "edge-blue-2"]


def test_a_target_without_running_components_fails(stack):
    """The fault could not act."""
    stack.control.states["broker"] = "held"
    with pytest.raises(FaultFailed, match="no component of broker"):
        select_victims(stack.context, "broker", 1)


def test_process_state_follows_a_real_process():
    """Running, stopped by SIGSTOP, and gone, also as a zombie."""
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


def await_state(pid, state):
    """Wait for a state, because signals take effect after a moment."""
    deadline = time.monotonic() + 60
    while process_state(pid) != state:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_port_is_open_refused_or_none():
    """With or without a scheme in the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert port_state(address) == "open"
        assert port_state(f"http://{address}") == "open"
    assert port_state(address) == "refused"
    assert port_state(None) == "none"


def test_a_component_that_is_up_without_a_process_is_not_running(stack, monkeypatch):
    """The state that the control API reports is not enough."""
    monkeypatch.setattr(_processes, "VERIFY_S", 0.0)
    monkeypatch.setattr(_processes, "process_state", lambda _: "gone")
    with pytest.raises(RollbackError, match="gateway-1"):
        verify_running(stack.context, ["gateway-1"])


def test_a_component_that_a_cutover_retired_may_stay_down(stack):
    """The heal must not start it."""
    assert verify_running(stack.context, ["edge-green-1"]) == {"edge-green-1": "planned"}
    assert verify_running(stack.context, []) == {}
