"""kill, on a fake stack."""

import pytest

from gauntlet.chaos.faults import _processes, kill
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.kill import Kill


@pytest.fixture
def processes(stack, monkeypatch):
    """Processes and ports whose state follows the state of the component."""
    pids = {component.pid: name for name, component in stack.control.components().items()}

    def state(pid):
        return "gone" if stack.control.states[pids[pid]] == "held" else "running"

    for module in (kill, _processes):
        monkeypatch.setattr(module, "process_state", state)
    monkeypatch.setattr(kill, "port_state", lambda _: "refused")


def test_count_components_are_killed_and_started_again(stack, spec, processes):
    """The first ones by name."""
    fault = Kill(spec("kill", "gateway", count=2))
    assert fault.inject(stack.context) == {"components": ["gateway-1", "gateway-2"]}
    proof = fault.prove(stack.context)
    assert proof["gateway-2"] == {"pid": 101, "process": "gone", "port": "refused"}
    assert fault.heal(stack.context) == {"started": ["gateway-1", "gateway-2"]}
    assert fault.verify(stack.context) == {"gateway-1": "up", "gateway-2": "up"}


def test_a_running_process_is_no_proof(stack, spec, processes, monkeypatch):
    """The state that the control API reports is not enough."""
    monkeypatch.setattr(_processes, "PROVE_S", 0.0)
    fault = Kill(spec("kill", "gateway"))
    fault.inject(stack.context)
    stack.control.states["gateway-1"] = "up"
    with pytest.raises(FaultFailed) as failed:
        fault.prove(stack.context)
    assert failed.value.proof["gateway-1"]["process"] == "running"


def test_an_open_port_is_no_proof(stack, spec, processes, monkeypatch):
    """Something still accepts connections at the address."""
    monkeypatch.setattr(_processes, "PROVE_S", 0.0)
    monkeypatch.setattr(kill, "port_state", lambda _: "open")
    fault = Kill(spec("kill", "gateway"))
    fault.inject(stack.context)
    with pytest.raises(FaultFailed):
        fault.prove(stack.context)


def test_a_second_heal_starts_nothing(stack, spec, processes):
    fault = Kill(spec("kill", "gateway"))
    fault.inject(stack.context)
    fault.heal(stack.context)
    assert fault.heal(stack.context) == {"started": []}
    assert [verb for verb, _ in stack.control.calls] == ["kill", "start"]


def test_a_component_whose_start_failed_is_started_by_the_next_heal(stack, spec, processes):
    """The cluster does not start it again by itself."""
    fault = Kill(spec("kill", "gateway"))
    fault.inject(stack.context)
    stack.control.states["gateway-1"] = "exited"
    assert fault.heal(stack.context) == {"started": ["gateway-1"]}
    assert fault.verify(stack.context) == {"gateway-1": "up"}


def test_heal_without_inject_does_nothing(stack, spec):
    """It does not call the control API."""
    fault = Kill(spec("kill", "gateway"))
    assert fault.heal(stack.context) == {"started": []}
    assert fault.verify(stack.context) == {}
    assert stack.control.calls == []
