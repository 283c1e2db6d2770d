"""latency, in a world without processes."""

import pytest

from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.latency import Latency


def test_both_streams_of_every_link_get_the_toxic(world, spec):
    """All links of the target are delayed both ways, those of planned components too."""
    facts = Latency(spec("latency", "client>edge", latency="80ms", jitter="5ms")).inject(
        world.context
    )
    assert world.proxy.active() == {
        (f"client>{edge}", f"f-{stream}")
        for edge in ("edge-blue-1", "edge-blue-2", "edge-green-1")
        for stream in ("downstream", "upstream")
    }
    assert facts["latency"] == 80
    assert facts["jitter"] == 5
    toxic = world.proxy.toxics("client>edge-blue-1")[0]
    assert (toxic.type, toxic.toxicity) == ("latency", 1.0)


def test_longer_round_trips_prove_it(world, spec):
    """The proof holds the round trips before and under the fault."""
    fault = Latency(spec("latency", "edge>broker", latency="80ms"))
    fault.inject(world.context)
    proof = fault.prove(world.context)
    assert proof == {"rtt_before_ms": {"edge>broker": 1.0}, "probe": {"edge>broker": 161.0}}


def test_unchanged_round_trips_fail_it(world, spec, monkeypatch):
    """A toxic that does nothing is found out, with what was seen."""
    monkeypatch.setattr("gauntlet.chaos.faults._link_fault.PROVE_S", 0.0)
    fault = Latency(spec("latency", "edge>broker", latency="80ms"))
    fault.inject(world.context)
    world.proxy.on.clear()
    with pytest.raises(FaultFailed) as failed:
        fault.prove(world.context)
    assert failed.value.proof["probe"] == {"edge>broker": 1.0}


def test_a_silent_link_is_no_latency(world, spec, monkeypatch):
    """No answer at all proves something else."""
    monkeypatch.setattr("gauntlet.chaos.faults._link_fault.PROVE_S", 0.0)
    fault = Latency(spec("latency", "edge>broker"))
    fault.inject(world.context)
    world.control.states["broker"] = "held"
    with pytest.raises(FaultFailed):
        fault.prove(world.context)


def test_heal_takes_only_its_own_toxics_off(world, spec):
    """Another fault's toxics on the same link stay."""
    mine = Latency(spec("latency", "edge>broker", id="mine"))
    other = Latency(spec("latency", "edge>broker", id="other"))
    mine.inject(world.context)
    other.inject(world.context)
    mine.heal(world.context)
    assert world.proxy.active() == {
        ("edge>broker", "other-downstream"),
        ("edge>broker", "other-upstream"),
    }
    assert mine.verify(world.context) == {"probe": {"edge>broker": 201.0}}


def test_nothing_answering_before_is_a_failure(world, spec):
    """A fault on dead links would prove nothing, so it is not injected."""
    world.control.states["broker"] = "held"
    with pytest.raises(FaultFailed, match="even before"):
        Latency(spec("latency", "edge>broker")).inject(world.context)
    assert world.proxy.calls == []
