"""latency: its toxic, and what shows it."""

import pytest

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.faults import _toxic_fault
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.latency import Latency

BEFORE = Exchange(60, 100, 10.0, 10.0)


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
    """It contains the answers before and during the fault."""
    fault = Latency(spec("latency", "edge>broker", latency="80ms"))
    fault.inject(stack.context)
    proof = fault.prove(stack.context)
    assert proof["before"]["edge>broker"]["first_ms"] == 1.0
    assert proof["during"]["edge>broker"]["first_ms"] == 161.0


def test_unchanged_round_trips_leave_it_without_proof(stack, spec, monkeypatch):
    """The heal reports what was observed."""
    monkeypatch.setattr(_toxic_fault, "PROVE_S", 0.0)
    fault = Latency(spec("latency", "edge>broker", latency="80ms"))
    fault.inject(stack.context)
    stack.proxy.toxics_by_proxy.clear()
    assert fault.prove(stack.context) == {}
    observed = fault.heal(stack.context)["unproven"]["during"]["edge>broker"]
    assert observed["first_ms"] == 1.0


def test_a_link_that_does_not_answer_is_no_proof_of_latency(stack, spec, monkeypatch):
    """It proves another fault."""
    monkeypatch.setattr(_toxic_fault, "PROVE_S", 0.0)
    fault = Latency(spec("latency", "edge>broker"))
    fault.inject(stack.context)
    stack.control.states["broker"] = "held"
    assert fault.prove(stack.context) == {}


@pytest.mark.parametrize(
    ("stream", "jitter", "first_ms", "shown"),
    [
        ("both", "0ms", 110.0, True),
        ("both", "100ms", 110.0, True),  # of two delays, jitter may take one back
        ("both", "0ms", 109.0, False),
        ("upstream", "0ms", 60.0, True),
        ("upstream", "0ms", 59.0, False),
        ("downstream", "0ms", 60.0, True),
        ("downstream", "0ms", None, False),
    ],
)
def test_an_answer_must_be_late_by_half_a_latency_for_each_direction(
    spec, stream, jitter, first_ms, shown
):
    fault = Latency(spec("latency", "edge>broker", latency="100ms", jitter=jitter, stream=stream))
    assert fault.is_shown_by(BEFORE, Exchange(60, 100, first_ms, first_ms, "closed")) is shown


def test_the_proof_of_a_long_latency_waits_for_no_answer(spec):
    """It takes the time of one round trip and one latency, where an answer takes two."""
    fault = Latency(spec("latency", "edge>broker", latency="5s"))
    assert 5.01 < fault.timeout_s(10.0) < 5.5
    assert fault.is_shown_by(BEFORE, Exchange(60))
    short = Latency(spec("latency", "edge>broker", latency="50ms"))
    assert 1.0 <= short.timeout_s(10.0) < 1.5


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
