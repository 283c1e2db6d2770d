"""packet-loss and reorder, on a fake stack with a fake kernel."""

import dataclasses
from types import SimpleNamespace

import pytest

from gauntlet.chaos.faults import _packet_fault, packet_loss, reorder
from gauntlet.chaos.faults.packet_loss import PacketLoss
from gauntlet.chaos.faults.reorder import Reorder
from gauntlet.chaos.faults.targets import StackPlan
from gauntlet.core.errors import RollbackError, StackError


class Rules:
    """Rules that affect as many packets as a test says."""

    made: list = []  # noqa: RUF012  # emptied for each test

    def __init__(self, table, ports, *options):
        self.table, self.ports, self.options = table, set(ports), options
        self.is_removed = False
        self.packets = 0
        Rules.made.append(self)

    def affected(self):
        return 0 if self.is_removed else self.packets

    def remove(self):
        self.is_removed = True


@pytest.fixture(params=[PacketLoss, Reorder], ids=lambda fault: fault.kind.name)
def faulty(request, spec):
    """Create a fault of each kind, with these parameters."""
    return lambda **params: request.param(spec(request.param.kind.name, "gateway", **params))


@pytest.fixture
def context(stack, monkeypatch):
    """A context whose gateway has two ports; proofs do not wait."""
    Rules.made.clear()
    monkeypatch.setattr(packet_loss, "PacketFilter", Rules)
    monkeypatch.setattr(reorder, "PacketReorder", Rules)
    monkeypatch.setattr(_packet_fault, "PROVE_S", 0.0)
    monkeypatch.setattr(
        _packet_fault, "verify_running", lambda _, names, **_also: dict.fromkeys(names, "up")
    )
    links = [
        SimpleNamespace(name=f"{source}>{name}", component=name, upstream=f"127.0.0.1:{port}")
        for source, name, port in (
            ("client", "gateway-1", 9001),
            ("edge", "gateway-1", 9002),
            ("edge", "gateway-2", 9003),
        )
    ]
    return dataclasses.replace(stack.context, plan=StackPlan(stack.context.plan.roles, links))


def test_packets_of_all_ports_of_a_component_are_affected_until_the_heal(faulty, context):
    fault = faulty()
    assert fault.inject(context) == {"components": ["gateway-1"]}
    (rules,) = Rules.made
    assert rules.ports == {9001, 9002}
    rules.packets = 3
    assert fault.prove(context) == {"gateway-1": {fault.effect: 3}}
    assert fault.heal(context) == {fault.effect: {"gateway-1": 3}}
    assert rules.is_removed
    assert fault.verify(context) == {"gateway-1": "up"}
    assert (fault.heal(context), fault.verify(context)) == ({}, {"gateway-1": "up"})


def test_the_rules_have_the_parameters_of_the_fault(spec, context):
    PacketLoss(spec("packet-loss", "gateway", loss=5)).inject(context)
    Reorder(spec("reorder", "gateway")).inject(context)
    Reorder(spec("reorder", "gateway", share=50, hold="2s")).inject(context)
    assert [rules.options for rules in Rules.made] == [(0.05,), (0.2, 0.1), (0.5, 2.0)]
    assert len({rules.table for rules in Rules.made}) == 3


def test_without_an_affected_packet_of_each_component_there_is_no_proof(faulty, context):
    """The run is then inconclusive."""
    fault = faulty(count=2)
    fault.inject(context)
    Rules.made[0].packets = 1
    assert fault.prove(context) == {}
    assert fault.heal(context) == {
        fault.effect: {"gateway-1": 1},
        "unproven": {"gateway-1": {fault.effect: 1}, "gateway-2": {fault.effect: 0}},
    }


def test_a_kernel_that_cannot_affect_packets_is_a_reason_and_no_rule_is_left(
    faulty, context, monkeypatch
):
    def fail_second(table, ports, *options):
        if Rules.made:
            raise StackError("you must be root")
        return Rules(table, ports, *options)

    monkeypatch.setattr(packet_loss, "PacketFilter", fail_second)
    monkeypatch.setattr(reorder, "PacketReorder", fail_second)
    fault = faulty(count=2)
    assert fault.inject(context) == {"unproven": {"reason": "you must be root"}}
    assert [rules.is_removed for rules in Rules.made] == [True]
    assert fault.prove(context) == {}
    assert fault.heal(context) == {}


def test_rules_that_are_left_are_no_heal(faulty, context):
    fault = faulty()
    fault.inject(context)
    with pytest.raises(RollbackError, match=f"packets of gateway-1 are still {fault.effect}"):
        fault.verify(context)


def test_the_rules_are_removed_although_they_cannot_be_counted(faulty, context, monkeypatch):
    def fail(_):
        raise StackError("no answer")

    fault = faulty(count=2)
    fault.inject(context)
    monkeypatch.setattr(Rules, "affected", fail)
    with pytest.raises(StackError, match="no answer"):
        fault.heal(context)
    assert [rules.is_removed for rules in Rules.made] == [True, True]


def test_rules_that_cannot_be_removed_leave_no_others_behind(faulty, context, monkeypatch):
    fault = faulty(count=2)
    fault.inject(context)
    removed = []

    def fail_each(rules):
        removed.append(rules)
        raise StackError("still there")

    monkeypatch.setattr(Rules, "remove", fail_each)
    with pytest.raises(StackError, match="still there"):
        fault.heal(context)
    assert len(removed) == 2
