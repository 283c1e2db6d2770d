"""kill, in a world without processes."""

import pytest

from gauntlet.chaos.faults import _processes, kill
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.kill import Kill


@pytest.fixture
def table(world, monkeypatch):
    """Processes and ports follow the component's state."""
    pids = {its.pid: name for name, its in world.control.components().items()}

    def state(pid):
        return "gone" if world.control.states[pids[pid]] == "held" else "running"

    for module in (kill, _processes):
        monkeypatch.setattr(module, "process_state", state)
    monkeypatch.setattr(kill, "port_state", lambda _: "refused")


def test_count_components_are_killed_and_started(world, spec, table):
    """The first by name go down, show it, and come back."""
    fault = Kill.of(spec("kill", "gateway", count=2))
    assert fault.inject(world.context) == {"components": ["gateway-1", "gateway-2"]}
    proof = fault.prove(world.context)
    assert proof["gateway-2"] == {"pid": 101, "process": "gone", "port": "refused"}
    assert fault.heal(world.context) == {"started": ["gateway-1", "gateway-2"]}
    assert fault.verify(world.context) == {"gateway-1": "up", "gateway-2": "up"}


def test_a_live_process_is_no_proof(world, spec, table, monkeypatch):
    """The API's word is not enough: the process must be gone."""
    monkeypatch.setattr(_processes, "PROVE_S", 0.0)
    fault = Kill.of(spec("kill", "gateway"))
    fault.inject(world.context)
    world.control.states["gateway-1"] = "up"
    with pytest.raises(FaultFailed) as failed:
        fault.prove(world.context)
    assert failed.value.proof["gateway-1"]["process"] == "running"


def test_an_open_port_is_no_proof(world, spec, table, monkeypatch):
    """Somebody who still answers at the address has not gone down."""
    monkeypatch.setattr(_processes, "PROVE_S", 0.0)
    monkeypatch.setattr(kill, "port_state", lambda _: "open")
    fault = Kill.of(spec("kill", "gateway"))
    fault.inject(world.context)
    with pytest.raises(FaultFailed):
        fault.prove(world.context)


def test_heal_twice_starts_once(world, spec, table):
    """A second heal finds nothing held."""
    fault = Kill.of(spec("kill", "gateway"))
    fault.inject(world.context)
    fault.heal(world.context)
    assert fault.heal(world.context) == {"started": []}
    assert [verb for verb, _ in world.control.calls] == ["kill", "start"]


def test_heal_without_inject_asks_nobody(world, spec):
    """What was not injected needs no control API to be healed."""
    fault = Kill.of(spec("kill", "gateway"))
    assert fault.heal(world.context) == {"started": []}
    assert fault.verify(world.context) == {}
    assert world.control.calls == []
