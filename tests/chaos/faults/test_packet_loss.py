"""packet-loss, on a fake stack with a fake kernel."""

import dataclasses
from types import SimpleNamespace

import pytest

from gauntlet.chaos.faults import packet_loss
from gauntlet.chaos.faults.packet_loss import PacketLoss
from gauntlet.chaos.faults.targets import StackPlan
from gauntlet.core.errors import RollbackError, StackError


class Filter:
    """Rules that drop as many packets as a test says."""

    made: list = []  # noqa: RUF012  # emptied for each test

    def __init__(self, table, ports, share):
        self.table, self.ports, self.share = table, set(ports), share
        self.is_removed = False
        self.packets = 0
        Filter.made.append(self)

    def dropped(self):
        return 0 if self.is_removed else self.packets

    def remove(self):
        self.is_removed = True


@pytest.fixture
def context(stack, monkeypatch):
    """A context whose gateway has two ports; proofs do not wait."""
    Filter.made.clear()
    monkeypatch.setattr(packet_loss, "PacketFilter", Filter)
    monkeypatch.setattr(packet_loss, "PROVE_S", 0.0)
    monkeypatch.setattr(
        packet_loss, "verify_running", lambda _, names, **_also: dict.fromkeys(names, "up")
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


def test_packets_of_all_ports_of_a_component_are_dropped_until_the_heal(spec, context):
    fault = PacketLoss(spec("packet-loss", "gateway", loss=5))
    assert fault.inject(context) == {"components": ["gateway-1"]}
    (rules,) = Filter.made
    assert (rules.ports, rules.share) == ({9001, 9002}, 0.05)
    rules.packets = 3
    assert fault.prove(context) == {"gateway-1": {"dropped": 3}}
    assert fault.heal(context) == {"dropped": {"gateway-1": 3}}
    assert rules.is_removed
    assert fault.verify(context) == {"gateway-1": "up"}
    assert (fault.heal(context), fault.verify(context)) == ({}, {"gateway-1": "up"})


def test_without_a_dropped_packet_of_each_component_there_is_no_proof(spec, context):
    """The run is then inconclusive."""
    fault = PacketLoss(spec("packet-loss", "gateway", count=2))
    fault.inject(context)
    Filter.made[0].packets = 1
    assert fault.prove(context) == {}
    assert fault.heal(context) == {
        "dropped": {"gateway-1": 1},
        "unproven": {"gateway-1": {"dropped": 1}, "gateway-2": {"dropped": 0}},
    }


def test_a_kernel_that_cannot_drop_packets_is_a_reason_and_no_rule_is_left(
    spec, context, monkeypatch
):
    def fail_second(table, ports, share):
        if Filter.made:
            raise StackError("you must be root")
        return Filter(table, ports, share)

    monkeypatch.setattr(packet_loss, "PacketFilter", fail_second)
    fault = PacketLoss(spec("packet-loss", "gateway", count=2))
    assert fault.inject(context) == {"unproven": {"reason": "you must be root"}}
    assert [rules.is_removed for rules in Filter.made] == [True]
    assert fault.heal(context) == {}


def test_rules_that_are_left_are_no_heal(spec, context):
    fault = PacketLoss(spec("packet-loss", "gateway"))
    fault.inject(context)
    with pytest.raises(RollbackError, match="packets of gateway-1 are still dropped"):
        fault.verify(context)


def test_the_rules_are_removed_although_they_cannot_be_counted(spec, context, monkeypatch):
    def fail(_):
        raise StackError("nft does not answer")

    fault = PacketLoss(spec("packet-loss", "gateway", count=2))
    fault.inject(context)
    monkeypatch.setattr(Filter, "dropped", fail)
    with pytest.raises(StackError, match="does not answer"):
        fault.heal(context)
    assert [rules.is_removed for rules in Filter.made] == [True, True]


def test_rules_that_cannot_be_removed_leave_no_others_behind(spec, context, monkeypatch):
    fault = PacketLoss(spec("packet-loss", "gateway", count=2))
    fault.inject(context)
    removed = []

    def fail_each(rules):
        removed.append(rules)
        raise StackError("still there")

    monkeypatch.setattr(Filter, "remove", fail_each)
    with pytest.raises(StackError, match="still there"):
        fault.heal(context)
    assert len(removed) == 2
