"""The toxics of a fault: put on, taken off, proven gone."""

import pytest

from gauntlet.chaos.clients.toxiproxy import ProxyError
from gauntlet.chaos.faults import _toxics
from gauntlet.chaos.faults._toxics import Toxics
from gauntlet.chaos.faults.latency import Latency
from gauntlet.chaos.faults.partition import Partition
from gauntlet.core.errors import RollbackError


def test_a_call_that_was_not_answered_is_undone_as_well(world, spec):
    """The server may have added a toxic whose answer was lost; the heal asks for its removal."""
    toxics = Toxics(spec("latency", "edge>broker"))
    world.proxy.refuse = "add"
    with pytest.raises(ProxyError):
        toxics.add(world.context, "latency", {})
    toxics.remove()
    assert ("remove", "edge>broker", "f-downstream") in world.proxy.calls


def test_a_proxy_that_does_not_answer_is_not_taken_for_healed(world, spec):
    """Only `not found` counts as removed."""
    toxics = Toxics(spec("latency", "edge>broker"))
    toxics.add(world.context, "latency", {"latency": 1})
    world.proxy.refuse = "remove"
    with pytest.raises(ProxyError):
        toxics.remove()


def test_a_toxic_that_stays_is_not_healed(world, spec, monkeypatch):
    """Verification fails while our toxic is on, even if the link answers."""
    monkeypatch.setattr(_toxics, "VERIFY_S", 0.0)
    fault = Latency(spec("latency", "edge>broker", latency="1ms"))
    fault.inject(world.context)
    with pytest.raises(RollbackError, match="edge>broker"):
        fault.verify(world.context)


def test_a_link_that_stays_silent_is_not_healed(world, spec, monkeypatch):
    """Verification fails when a running component does not answer through its link."""
    monkeypatch.setattr(_toxics, "VERIFY_S", 0.0)
    fault = Partition(spec("partition", "edge>broker"))
    fault.inject(world.context)
    fault.heal(world.context)
    silent = world.probe("redis", "client>edge-green-1", 1.0)
    monkeypatch.setattr(_toxics.link_probe, "probe", lambda *_: silent)
    with pytest.raises(RollbackError, match="no answer"):
        fault.verify(world.context)


def test_a_link_under_another_fault_owes_no_answer(world, spec):
    """Overlapping faults: the first heal is whole although the second still silences the link."""
    first = Partition(spec("partition", "edge>broker", id="first"))
    second = Partition(spec("partition", "edge>broker", id="second"))
    first.inject(world.context)
    second._toxics.add(world.context, "timeout", {"timeout": 0})
    first.heal(world.context)
    assert first.verify(world.context) == {"probe": {"edge>broker": "still under another fault"}}


def test_a_link_to_a_dead_component_owes_no_answer(world, spec):
    """A component that another fault holds down is that fault's to bring back."""
    fault = Partition(spec("partition", "edge>broker"))
    fault.inject(world.context)
    fault.heal(world.context)
    world.control.states["broker"] = "held"
    assert fault.verify(world.context) == {"probe": {"edge>broker": "its component is not up"}}
