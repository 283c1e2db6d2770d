"""pause, on a fake stack."""

import pytest

from gauntlet.chaos.faults import _processes, pause
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.pause import Pause


def test_components_are_paused_and_resumed(stack, spec, monkeypatch):
    """The state of the process is the proof; a second heal resumes nothing."""
    monkeypatch.setattr(pause, "process_state", lambda _: "stopped")
    monkeypatch.setattr(_processes, "process_state", lambda _: "sleeping")
    fault = Pause(spec("pause", "edge"))
    assert fault.inject(stack.context) == {"components": ["edge-blue-1"]}
    assert fault.prove(stack.context) == {"edge-blue-1": {"pid": 103, "process": "stopped"}}
    assert fault.heal(stack.context) == {"resumed": ["edge-blue-1"]}
    assert fault.heal(stack.context) == {"resumed": []}
    assert fault.verify(stack.context) == {"edge-blue-1": "up"}


def test_a_running_process_is_no_proof(stack, spec, monkeypatch):
    """The pause did not stop it."""
    monkeypatch.setattr(_processes, "PROVE_S", 0.0)
    monkeypatch.setattr(pause, "process_state", lambda _: "running")
    fault = Pause(spec("pause", "edge"))
    fault.inject(stack.context)
    with pytest.raises(FaultFailed):
        fault.prove(stack.context)


def test_heal_without_inject_does_nothing(stack, spec):
    """It does not call the control API."""
    fault = Pause(spec("pause", "edge"))
    assert fault.heal(stack.context) == {"resumed": []}
    assert stack.control.calls == []
