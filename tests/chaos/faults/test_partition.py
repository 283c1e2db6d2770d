"""partition, on a fake stack."""

import pytest

from gauntlet.chaos.faults import _toxic_fault
from gauntlet.chaos.faults.partition import Partition


def test_a_silent_link_is_the_proof(stack, spec):
    """It accepts a connection and does not answer."""
    fault = Partition(spec("partition", "edge>broker"))
    detail = fault.inject(stack.context)
    assert (detail["links"], detail["timeout"]) == (["edge>broker"], 0)
    assert fault.prove(stack.context)["during"]["edge>broker"]["received"] == 0


def test_a_link_to_a_dead_component_is_no_proof_of_a_partition(stack, spec, monkeypatch):
    """The proxy closes the connection, which is not silence."""
    monkeypatch.setattr(_toxic_fault, "PROVE_S", 0.0)
    fault = Partition(spec("partition", "edge>broker"))
    fault.inject(stack.context)
    stack.control.states["broker"] = "held"
    assert fault.prove(stack.context) == {}
    observed = fault.heal(stack.context)["unproven"]["during"]["edge>broker"]
    assert observed["ended"] == "closed"


def test_an_exchange_waits_longer_on_a_slow_link(spec):
    """A second of silence proves little if an answer takes 400 ms."""
    fault = Partition(spec("partition", "edge>broker"))
    assert fault.timeout_s(1.0) == 1.0
    assert fault.timeout_s(400.0) == 2.0


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_a_partition_may_concern_one_direction(stack, spec, stream):
    fault = Partition(spec("partition", "edge>broker", stream=stream))
    fault.inject(stack.context)
    assert [toxic.stream for toxic in stack.proxy.toxics("edge>broker")] == [stream]


def test_a_partition_between_groups_spares_the_links_within_them(stack, spec):
    groups = {"here": ["client", "registry"], "there": ["edge"]}
    fault = Partition(spec("partition", "", groups=groups))
    links = [f"client>edge-{name}" for name in ("blue-1", "blue-2", "green-1")]
    assert fault.inject(stack.context)["links"] == [*links, "edge>registry"]
    assert {link for link, _ in stack.proxy.active()} == {*links, "edge>registry"}
    fault.heal(stack.context)
    assert stack.proxy.active() == set()
