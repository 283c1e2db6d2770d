"""What the faults of one toxic share, on a fake stack."""

import pytest

from gauntlet.chaos.clients import link_exchange
from gauntlet.chaos.clients.link_exchange import Exchange, ExchangeRequest
from gauntlet.chaos.faults import _toxic_fault
from gauntlet.chaos.faults._toxic_fault import attempts_of
from gauntlet.chaos.faults._toxics import FaultToxics
from gauntlet.chaos.faults.bandwidth import Bandwidth
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.blackhole import Blackhole
from gauntlet.chaos.faults.latency import Latency
from gauntlet.chaos.faults.partition import Partition
from gauntlet.chaos.faults.slicer import Slicer

ANSWERED = Exchange(60, 100, 1.0, 1.0, "closed", 1.0)


@pytest.fixture
def exchanges(stack, monkeypatch):
    """Links answer unless a toxic drops data; returns what was asked for."""
    asked = []

    def exchange(wanted, _timeout_s, _stop=None):
        asked.append(wanted)
        toxics = stack.proxy.toxics(wanted.address)
        silent = any(toxic.type == "timeout" for toxic in toxics)
        many = ANSWERED._replace(received=100 * wanted.repeat)
        return Exchange(60) if silent else many

    monkeypatch.setattr(link_exchange, "exchange", exchange)
    monkeypatch.setattr(_toxic_fault, "PROVE_S", 0.0)
    return asked


def test_the_proof_compares_exchanges_on_every_link(stack, spec, exchanges):
    fault = Blackhole(spec("blackhole", "client>gateway"))
    detail = fault.inject(stack.context)
    assert detail["links"] == ["client>gateway-1", "client>gateway-2"]
    assert detail["streams"] == ["downstream", "upstream"]
    proof = fault.prove(stack.context)
    assert set(proof["before"]) == set(proof["during"]) == set(detail["links"])
    assert proof["during"]["client>gateway-1"]["received"] == 0
    assert fault.heal(stack.context) == {}
    assert stack.proxy.active() == set()


def test_a_link_that_does_not_show_the_fault_leaves_it_without_proof(stack, spec, exchanges):
    fault = Blackhole(spec("blackhole", "client>gateway"))
    fault.inject(stack.context)
    stack.proxy.toxics_by_proxy["client>gateway-2"].clear()
    assert fault.prove(stack.context) == {}
    observed = fault.heal(stack.context)["unproven"]["during"]
    assert observed["client>gateway-1"]["received"] == 0
    assert observed["client>gateway-2"]["received"] == 100


def test_of_a_share_of_the_connections_one_exchange_must_show_the_fault(
    stack, spec, exchanges, monkeypatch
):
    results = iter([ANSWERED] * 3 + [ANSWERED] * 5 + [Exchange(60)] + [ANSWERED] * 99)
    monkeypatch.setattr(link_exchange, "exchange", lambda *_: next(results))
    fault = Blackhole(spec("blackhole", "edge>broker", percent=36))
    fault.inject(stack.context)
    (toxic, _) = stack.proxy.toxics("edge>broker")
    assert toxic.toxicity == pytest.approx(0.2)  # in each of two directions
    assert fault.prove(stack.context)["during"]["edge>broker"]["received"] == 0


def test_rounds_have_enough_exchanges_to_meet_a_share():
    assert [attempts_of(share) for share in (1, 0.9, 0.3, 0.01)] == [1, 2, 11, 40]


def test_the_smallest_share_needs_no_more_attempts_than_the_most():
    assert attempts_of(1e-30) == 40


@pytest.fixture
def partitioned(stack, spec):
    """The stack with a partition of `edge>broker`, whose component can be reached directly."""
    for link in stack.context.plan.links:
        link.upstream = f"direct>{link.component}"
    partition = Partition(spec("partition", "edge>broker", id="cut"))
    partition.inject(stack.context)
    return partition


def test_a_fault_on_a_silenced_link_is_proven_when_the_silence_has_ended(
    stack, spec, partitioned, monkeypatch
):
    monkeypatch.setattr(_toxic_fault, "PROVE_S", 0.0)
    fault = Latency(spec("latency", "edge>broker"))
    assert fault.inject(stack.context)["links"] == ["edge>broker"]
    looks = []

    def silenced(context):
        looks.append(context)
        if len(looks) == 5:
            partitioned.heal(context)
        return FaultToxics.silenced(fault._toxics, context)

    monkeypatch.setattr(fault._toxics, "silenced", silenced)
    proof = fault.prove(stack.context)
    assert proof["before"]["edge>broker"]["first_ms"] == 1.0
    assert proof["during"]["edge>broker"]["first_ms"] >= 100
    assert len(looks) > 5


def test_the_silence_of_another_fault_proves_nothing(stack, spec, partitioned):
    fault = Latency(spec("latency", "edge>broker"))
    fault.inject(stack.context)
    stack.context.stop.set()
    assert fault.prove(stack.context) == {}
    assert "unproven" in fault.heal(stack.context)


def test_a_fault_on_a_silenced_link_to_a_dead_component_fails(stack, spec, partitioned):
    stack.control.states["broker"] = "held"
    with pytest.raises(FaultFailed, match="nor does any of its components"):
        Latency(spec("latency", "edge>broker")).inject(stack.context)


def test_all_exchanges_of_a_round_must_show_a_fault_on_all_connections(
    stack, spec, exchanges, monkeypatch
):
    """One that is late by chance is no proof."""
    late = ANSWERED._replace(last_ms=500.0)
    for last, proven in ((late, True), (ANSWERED, False)):
        results = iter([ANSWERED] * 6 + [late, late, last])
        monkeypatch.setattr(link_exchange, "exchange", lambda *_, it=results: next(it))
        fault = Bandwidth(spec("bandwidth", "edge>broker", kb_per_s=1))
        fault.inject(stack.context)
        assert bool(fault.prove(stack.context)) is proven
        fault.heal(stack.context)


@pytest.mark.parametrize(("answered", "repeat"), [(5_000, 50), (100, 1)])
def test_requests_are_repeated_only_where_the_server_answers_all_of_them(
    stack, spec, exchanges, monkeypatch, answered, repeat
):
    asked = []

    def exchange(wanted, _timeout_s, _stop=None):
        asked.append(wanted.repeat)
        return ANSWERED._replace(received=answered if wanted.repeat > 1 else 100)

    monkeypatch.setattr(link_exchange, "exchange", exchange)
    fault = Bandwidth(spec("bandwidth", "edge>broker", kb_per_s=20))
    fault.inject(stack.context)
    fault.prove(stack.context)
    fault.heal(stack.context)
    assert asked == [1] * 3 + [50] * 3 + [repeat] * 3


def test_the_fastest_complete_exchange_is_compared(monkeypatch):
    """One that was still open at the end of the wait has no length."""
    late_close, complete = Exchange(8, 8, 1.0, 1.0, "open"), Exchange(8, 8, 2.0, 2.0, "closed", 9.0)
    rounds = iter([late_close, complete, complete._replace(ended_ms=7.0)])
    monkeypatch.setattr(link_exchange, "exchange", lambda *_: next(rounds))
    assert _toxic_fault._fastest({"a": ExchangeRequest("amqp", "a")}, {})["a"].ended_ms == 7.0


def test_a_stop_ends_the_exchanges_before_the_fault_too(stack, spec, monkeypatch):
    """Three rounds of two seconds each, on a link that answers nothing any more."""
    stops = []

    def exchange(_wanted, _timeout_s, stop=None):
        stops.append(stop)
        return Exchange(8, 8, 1.0, 1.0, "closed", 1.0)

    monkeypatch.setattr(link_exchange, "exchange", exchange)
    Slicer(spec("slicer", "edge>broker")).inject(stack.context)
    assert stops
    assert all(each is stack.context.stop for each in stops)


@pytest.mark.parametrize(
    ("kind", "many", "taken"),
    [
        ("amqp", Exchange(8, 500, 1.0, 2.0, "answered"), True),
        ("amqp", Exchange(8, 300, 1.0, 2.0, "open"), False),  # the answer is not complete
        ("postgres", Exchange(640, 700, 1.0, 2.0, "closed", 2.0), True),
        ("http", Exchange(640, 700, 1.0, 2.0, "closed", 2.0), False),  # fewer than requested
    ],
)
def test_a_longer_answer_takes_the_place_of_repeated_requests(spec, monkeypatch, kind, many, taken):
    """Also where the server is slow to end the connection after the short one."""
    short = Exchange(8, 100, 1.0, 1.0, "open")
    monkeypatch.setattr(
        link_exchange, "exchange", lambda wanted, *_: many if wanted.repeat > 1 else short
    )
    fault = Slicer(spec("slicer", "edge>broker"))
    fault._measure_before({"link": ExchangeRequest(kind, "link")}, {})
    assert (fault._before["link"] is many, fault._wanted["link"].repeat > 1) == (taken, taken)


@pytest.mark.parametrize(("stopped_ms", "proven"), [(None, True), (250.0, True), (150.0, False)])
def test_a_silence_that_had_to_end_with_the_fault_must_have_been_long(
    stack, spec, exchanges, monkeypatch, stopped_ms, proven
):
    """So a short fault can be proven, and a slow answer is not mistaken for silence."""
    fault = Blackhole(spec("blackhole", "edge>broker", for_=1.0))
    fault.inject(stack.context)
    monkeypatch.setattr(link_exchange, "exchange", lambda *_: Exchange(60, stopped_ms=stopped_ms))
    stack.context.stop.set()
    assert bool(fault.prove(stack.context)) is proven
    assert bool(fault.heal(stack.context)) is not proven


def test_switching_that_fails_while_the_fault_lasts_is_reported_at_the_heal(stack, spec, exchanges):
    fault = Blackhole(spec("blackhole", "edge>broker", on="1ms", off="1ms"))
    fault.inject(stack.context)
    fault._flapping.error = "no answer"
    with pytest.raises(FaultFailed, match="no answer"):
        fault.heal(stack.context)
    assert stack.proxy.active() == set()
