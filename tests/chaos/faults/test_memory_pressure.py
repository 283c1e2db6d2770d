"""memory-pressure, on a real process in a real control group."""

import os
import subprocess
import sys

import msgspec
import pytest

from gauntlet.chaos.clients.control_group import ControlGroup
from gauntlet.chaos.faults import _control_group
from gauntlet.chaos.faults.memory_pressure import MemoryPressure
from gauntlet.core.errors import StackError

pytestmark = pytest.mark.integration

# Takes 4 MiB of memory for each line that it reads.
HUNGRY = """
import mmap, sys
taken = []
print("ready", flush=True)
for line in sys.stdin:
    block = mmap.mmap(-1, 4 << 20)
    for start in range(0, len(block), mmap.PAGESIZE):
        block[start] = 1
    taken.append(block)
    print("taken", flush=True)
"""


@pytest.fixture
def hungry(stack, monkeypatch):
    """A process as `gateway-1` of the fake stack."""
    try:
        ControlGroup.create("memory", os.getpid(), lambda _: None).remove()
    except StackError as error:
        pytest.skip(str(error))
    command = [sys.executable, "-c", HUNGRY]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert process.stdout.readline() == "ready\n"
    components = stack.control.components

    def with_hungry():
        known = components()
        return {**known, "gateway-1": msgspec.structs.replace(known["gateway-1"], pid=process.pid)}

    monkeypatch.setattr(stack.control, "components", with_hungry)
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def under(stack, spec, hungry):
    """Inject the fault with a headroom; heal it after the test in any case."""
    injected = []

    def inject(headroom_kb):
        params = {"headroom_kb": headroom_kb}
        fault = MemoryPressure(spec("memory-pressure", "gateway", for_=1.0, **params))
        injected.append(fault)
        assert fault.inject(stack.context) == {
            "components": ["gateway-1"],
            "limit_bytes": headroom_kb * 1_000,
        }
        return fault

    yield inject
    for fault in injected:
        fault.heal(stack.context)


def take(process):
    process.stdin.write("more\n")
    process.stdin.flush()


def test_a_process_that_takes_more_than_there_is_waits_until_the_heal(stack, hungry, under):
    fault = under(400)
    take(hungry)
    proof = fault.prove(stack.context)["gateway-1"]
    assert (proof["inside"], proof["limit_hits"] > 0) == (True, True)
    assert hungry.poll() is None
    for _ in range(2):
        assert fault.heal(stack.context) == {}
        assert fault.verify(stack.context) == {"gateway-1": "up"}
    assert hungry.stdout.readline() == "taken\n"
    take(hungry)
    assert hungry.stdout.readline() == "taken\n"


def test_a_process_that_has_memory_enough_is_no_proof(stack, hungry, under, monkeypatch):
    monkeypatch.setattr(_control_group, "PROVE_S", 0.0)
    fault = under(100_000)
    take(hungry)
    assert hungry.stdout.readline() == "taken\n"
    assert fault.prove(stack.context) == {}
    assert fault.heal(stack.context)["unproven"]["gateway-1"]["inside"]
    assert fault.verify(stack.context) == {"gateway-1": "up"}


def test_a_process_that_takes_nothing_is_no_proof(stack, hungry, under, monkeypatch):
    """Whatever it already has is not counted."""
    monkeypatch.setattr(_control_group, "PROVE_S", 0.0)
    fault = under(400)
    assert fault.prove(stack.context) == {}
    assert fault.heal(stack.context)["unproven"]["gateway-1"]["limit_hits"] == 0


def test_a_process_that_waits_for_memory_can_be_ended(stack, hungry, under):
    """As `gauntlet recover` does; the group then has no process that keeps it."""
    fault = under(400)
    take(hungry)
    assert fault.prove(stack.context)
    hungry.kill()
    assert hungry.wait() < 0
    (group,) = fault._groups.values()
    assert group.pids() == []
