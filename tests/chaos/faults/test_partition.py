"""partition, on a fake stack."""

import pytest

from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.partition import Partition


def test_a_silent_link_is_the_proof(stack, spec):
    """It accepts a connection and does not answer."""
    fault = Partition(spec("partition", "edge>broker"))
    assert fault.inject(stack.context) == {"links": ["edge>broker"], "timeout": 0}
    assert fault.prove(stack.context)["probe"] == {"edge>broker": "no answer within 1000 ms"}


def test_a_link_to_a_dead_component_is_no_proof_of_a_partition(stack, spec, monkeypatch):
    """The proxy closes the connection, which is not silence."""
    monkeypatch.setattr("gauntlet.chaos.faults._link_fault.PROVE_S", 0.0)
    fault = Partition(spec("partition", "edge>broker"))
    fault.inject(stack.context)
    stack.control.states["broker"] = "held"
    with pytest.raises(FaultFailed, match="still answer"):
        fault.prove(stack.context)


def test_the_probe_waits_longer_on_a_slow_link(spec):
    """A second of silence proves little if an answer takes 400 ms."""
    fault = Partition(spec("partition", "edge>broker"))
    assert fault.probe_timeout_s(1.0) == 1.0
    assert fault.probe_timeout_s(400.0) == 2.0
