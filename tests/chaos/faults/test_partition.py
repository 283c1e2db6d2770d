"""partition, in a world without processes."""

import pytest

from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.partition import Partition


def test_silence_proves_it(world, spec):
    """A link that connects and says nothing is partitioned."""
    fault = Partition(spec("partition", "edge>broker"))
    assert fault.inject(world.context) == {"links": ["edge>broker"], "timeout": 0}
    assert fault.prove(world.context)["probe"] == {"edge>broker": "no answer within 1000 ms"}


def test_a_dead_component_is_no_silence(world, spec, monkeypatch):
    """A link whose component went away meanwhile closes: that is not what was asked for."""
    monkeypatch.setattr("gauntlet.chaos.faults._link_fault.PROVE_S", 0.0)
    fault = Partition(spec("partition", "edge>broker"))
    fault.inject(world.context)
    world.control.states["broker"] = "held"
    with pytest.raises(FaultFailed, match="still answer"):
        fault.prove(world.context)


def test_patience_grows_with_a_slow_link(spec):
    """On a link that takes 400 ms, a second of silence would prove little."""
    fault = Partition(spec("partition", "edge>broker"))
    assert fault.patience_s(1.0) == 1.0
    assert fault.patience_s(400.0) == 2.0
