"""latency, on a fake stack."""

import pytest

from gauntlet.chaos.clients.link_probe import ProbeResult
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.latency import Latency


def test_both_streams_of_every_link_are_delayed(stack, spec):
    """Also the links of components that are only planned."""
    evidence = Latency(spec("latency", "client>edge", latency="80ms", jitter="5ms")).inject(
        stack.context
    )
    assert stack.proxy.active() == {
        (f"client>{edge}", f"f-{stream}")
        for edge in ("edge-blue-1", "edge-blue-2", "edge-green-1")
        for stream in ("downstream", "upstream")
    }
    assert evidence["latency"] == 80
    assert evidence["jitter"] == 5
    toxic = stack.proxy.toxics("client>edge-blue-1")[0]
    assert (toxic.type, toxic.toxicity) == ("latency", 1.0)


def test_longer_round_trips_are_the_proof(stack, spec):
    """It contains the round trips before and during the fault."""
    fault = Latency(spec("latency", "edge>broker", latency="80ms"))
    fault.inject(stack.context)
    proof = fault.prove(stack.context)
    assert proof == {"rtt_before_ms": {"edge>broker": 1.0}, "probe": {"edge>broker": 161.0}}


def test_unchanged_round_trips_fail_the_fault(stack, spec, monkeypatch):
    """The failure contains what was observed."""
    monkeypatch.setattr("gauntlet.chaos.faults._link_fault.PROVE_S", 0.0)
    fault = Latency(spec("latency", "edge>broker", latency="80ms"))
    fault.inject(stack.context)
    stack.proxy.toxics_by_proxy.clear()
    with pytest.raises(FaultFailed) as failed:
        fault.prove(stack.context)
    assert failed.value.proof["probe"] == {"edge>broker": 1.0}


def test_a_link_that_does_not_answer_is_no_proof_of_latency(stack, spec, monkeypatch):
    """It proves another fault."""
    monkeypatch.setattr("gauntlet.chaos.faults._link_fault.PROVE_S", 0.0)
    fault = Latency(spec("latency", "edge>broker"))
    fault.inject(stack.context)
    stack.control.states["broker"] = "held"
    with pytest.raises(FaultFailed):
        fault.prove(stack.context)


def test_the_proof_of_a_long_latency_waits_for_no_answer(spec):
    """It takes the time of one round trip and one latency, where an answer takes two."""
    kind = Latency(spec("latency", "edge>broker", latency="5s"))
    assert 5.01 < kind.probe_timeout_s(10.0) < 5.5
    assert kind.is_proven_by(10.0, ProbeResult(None, "no answer within 5060 ms", silent=True))
    short = Latency(spec("latency", "edge>broker", latency="50ms"))
    assert 1.0 <= short.probe_timeout_s(10.0) < 1.5


@pytest.mark.parametrize(("silent_ms", "proven"), [(250.0, True), (150.0, False)])
def test_a_fault_that_is_shorter_than_its_latency_is_proven_by_long_silence(
    stack, spec, monkeypatch, silent_ms, proven
):
    """The probe has to end with the fault."""
    fault = Latency(spec("latency", "edge>broker", latency="5s", for_=1.0))
    fault.inject(stack.context)
    found = {"edge>broker": ProbeResult(None, "no answer", True, silent_ms)}
    monkeypatch.setattr("gauntlet.chaos.clients.link_probe.probe_all", lambda *_: found)
    stack.context.stop.set()
    if proven:
        assert fault.prove(stack.context)["probe"] == {"edge>broker": "no answer"}
    else:
        with pytest.raises(FaultFailed):
            fault.prove(stack.context)


def test_a_heal_removes_only_the_toxics_of_its_fault(stack, spec):
    """Another fault may act on the same link."""
    mine = Latency(spec("latency", "edge>broker", id="mine"))
    other = Latency(spec("latency", "edge>broker", id="other"))
    mine.inject(stack.context)
    other.inject(stack.context)
    mine.heal(stack.context)
    assert stack.proxy.active() == {
        ("edge>broker", "other-downstream"),
        ("edge>broker", "other-upstream"),
    }
    assert mine.verify(stack.context) == {"probe": {"edge>broker": 201.0}}


def test_a_fault_on_links_that_do_not_answer_is_not_injected(stack, spec):
    """It would prove nothing."""
    stack.control.states["broker"] = "held"
    with pytest.raises(FaultFailed, match="even before"):
        Latency(spec("latency", "edge>broker")).inject(stack.context)
    assert stack.proxy.calls == []
