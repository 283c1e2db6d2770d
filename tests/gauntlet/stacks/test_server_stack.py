"""The life of a foreign server's process, with a small server of our own in its place."""

import os
import signal
import sys
import time
from typing import ClassVar

import pytest

from gauntlet.stacks.server_stack import Program, ServerStack

# Listens until it is killed, and writes a variable of its environment into its log.
SERVER = """
import os, socket, sys, time
print("variable", os.environ.get("VARIABLE"), flush=True)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))):
    time.sleep(60)
"""


class SmallStack(ServerStack):
    """A server that only listens."""

    name = "small"
    program = Program("python3", "")
    urls: ClassVar = {"websocket": "ws://{address}"}

    def configure(self):
        """Nothing to configure."""

    def command(self):
        """Return the command line."""
        return [sys.executable, "-I", "-S", "-c", SERVER, str(self.ports["websocket"])]


@pytest.fixture
def events():
    """The events of the stack."""
    return []


@pytest.fixture
def stack(tmp_path, events):
    """A started stack."""
    request = {"data_dir": str(tmp_path), "log_dir": str(tmp_path), "config": {}}
    made = SmallStack(request, events.append)
    made.start({}, environment={"small": {"VARIABLE": "x"}, "other": {"VARIABLE": "y"}})
    yield made
    made.stop()


def await_events(events, count):
    """Return the kinds of events as soon as there are so many; waits for one more than wanted."""
    deadline = time.monotonic() + 60
    while len(events) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)
    return [event["event"] for event in events]


def test_a_server_that_ends_by_itself_is_an_event_and_can_be_started_again(stack, events):
    """The harness goes on: what ended it may be a fault, such as a full disk."""
    pid = stack.components()[0]["pid"]
    os.kill(pid, signal.SIGABRT)
    assert await_events(events, 2) == ["started", "exited"]
    assert (events[1]["component"], events[1]["pid"]) == ("small", pid)
    assert events[1]["detail"] == {"status": "SIGABRT", "log_tail": ["variable x"]}
    assert (stack.running, stack.components()[0]["state"]) == (True, "exited")
    assert stack.act("start", "KILL") != pid
    assert await_events(events, 3) == ["started", "exited", "started"]
    assert stack.components()[0]["state"] == "up"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no real-time signals")
def test_a_signal_without_a_name_is_reported_by_its_number(stack, events):
    number = signal.SIGRTMIN + 1
    os.kill(stack.components()[0]["pid"], number)
    assert await_events(events, 2) == ["started", "exited"]
    assert events[1]["detail"]["status"] == f"signal {number}"


def test_one_that_is_killed_by_a_fault_has_not_ended_by_itself(stack, events):
    stack.act("kill", "KILL")
    assert await_events(events, 2) == ["started", "killed"]
    assert stack.components()[0]["state"] == "held"


def test_one_that_ends_while_it_is_paused_is_an_event_too(stack, events):
    """For example because the system is out of memory."""
    stack.act("pause", "KILL")
    os.kill(stack.components()[0]["pid"], signal.SIGKILL)
    assert await_events(events, 3) == ["started", "paused", "exited"]


def test_the_end_of_the_stack_is_no_event(stack, events):
    stack.stop()
    assert await_events(events, 1) == ["started"]


def test_only_its_own_variables_are_in_the_environment_of_a_server(stack):
    assert stack.log_tail() == ["variable x"]
