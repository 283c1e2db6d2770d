"""pause, in a world without processes."""

import pytest

from gauntlet.chaos.faults import _processes, pause
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.pause import Pause


def test_components_are_stopped_and_go_on(world, spec, monkeypatch):
    """The system's word proves the stop; the heal resumes what is paused, once."""
    monkeypatch.setattr(pause, "process_state", lambda _: "stopped")
    monkeypatch.setattr(_processes, "process_state", lambda _: "sleeping")
    fault = Pause(spec("pause", "edge"))
    assert fault.inject(world.context) == {"components": ["edge-blue-1"]}
    assert fault.prove(world.context) == {"edge-blue-1": {"pid": 103, "process": "stopped"}}
    assert fault.heal(world.context) == {"resumed": ["edge-blue-1"]}
    assert fault.heal(world.context) == {"resumed": []}
    assert fault.verify(world.context) == {"edge-blue-1": "up"}


def test_a_running_process_is_no_proof(world, spec, monkeypatch):
    """A pause that did not stop the process has failed."""
    monkeypatch.setattr(_processes, "PROVE_S", 0.0)
    monkeypatch.setattr(pause, "process_state", lambda _: "running")
    fault = Pause(spec("pause", "edge"))
    fault.inject(world.context)
    with pytest.raises(FaultFailed):
        fault.prove(world.context)


def test_heal_without_inject_asks_nobody(world, spec):
    """What was not injected needs no control API to be healed."""
    fault = Pause(spec("pause", "edge"))
    assert fault.heal(world.context) == {"resumed": []}
    assert world.control.calls == []
