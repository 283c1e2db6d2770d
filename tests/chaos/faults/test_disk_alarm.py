"""disk-alarm, with a double of RabbitMQ's command-line tool."""

import pytest

from gauntlet.chaos.faults import _broker_alarm
from gauntlet.chaos.faults.disk_alarm import DiskAlarm
from gauntlet.core.errors import RollbackError


@pytest.fixture
def fault(spec):
    return DiskAlarm(spec("disk-alarm", "broker", for_=1.0))


def test_the_limit_is_raised_and_restored(stack, fault, rabbitmqctl):
    rabbitmqctl.answers = ["{1,2}", "{0,0}", "{0,0}"]
    assert fault.inject(stack.context) == {"components": ["broker"]}
    assert fault.prove(stack.context) == {"alarms": 1, "blocked_connections": 2}
    for _ in range(2):
        fault.heal(stack.context)
        assert fault.verify(stack.context) == {"alarms": 0, "blocked_connections": 0}
    raised, cleared, again = (argv[-1] for argv, _ in rabbitmqctl.calls)
    assert f"set_disk_free_limit({2**60})" in raised
    assert "{resource_limit, disk, _}" in raised
    assert "set_disk_free_limit(Limit)" in cleared
    assert again == cleared


@pytest.mark.parametrize("answer", ["{0,0}", "{1,0}", "{0,2}"])
def test_an_alarm_that_blocks_no_connection_is_no_proof(
    stack, fault, rabbitmqctl, monkeypatch, answer
):
    monkeypatch.setattr(_broker_alarm, "PROVE_S", 0.0)
    rabbitmqctl.answers = [answer, "{0,0}"]
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {}
    alarms, blocked = answer.strip("{}").split(",")
    unproven = {"alarms": int(alarms), "blocked_connections": int(blocked)}
    assert fault.heal(stack.context) == {"unproven": unproven}


def test_a_broker_that_still_blocks_is_not_healed(stack, fault, rabbitmqctl):
    rabbitmqctl.answers = ["{1,2}", "{1,2}"]
    fault.inject(stack.context)
    fault.heal(stack.context)
    with pytest.raises(RollbackError, match="still blocks"):
        fault.verify(stack.context)


def test_heal_without_inject_does_nothing(stack, fault, rabbitmqctl):
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})
    assert rabbitmqctl.calls == []
