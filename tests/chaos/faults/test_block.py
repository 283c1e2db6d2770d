"""block, with a double of RabbitMQ's command-line rabbitmqctl."""

import os

import pytest

from gauntlet.chaos.clients import rabbitmqctl as tool
from gauntlet.chaos.faults import _broker_alarm
from gauntlet.chaos.faults.block import Block
from gauntlet.core.errors import RollbackError, StackError


def test_the_alarm_is_raised_and_cleared_in_the_broker_s_node(stack, spec, rabbitmqctl):
    """The environment of the broker's process identifies the node."""
    rabbitmqctl.answers = ["{1,2}", "{0,0}"]
    fault = Block(spec("block", "broker"))
    assert fault.inject(stack.context) == {"components": ["broker"]}
    assert fault.prove(stack.context) == {"alarms": 1, "blocked_connections": 2}
    fault.heal(stack.context)
    assert fault.verify(stack.context) == {"alarms": 0, "blocked_connections": 0}
    assert [env for _, env in rabbitmqctl.calls] == [{"RABBITMQ_NODENAME": "broker@localhost"}] * 2
    assert "set_alarm" in rabbitmqctl.calls[0][0][-1]
    assert "clear_alarm" in rabbitmqctl.calls[1][0][-1]


@pytest.mark.parametrize("answer", ["{0,0}", "{1,0}", "{0,2}"])
def test_an_alarm_that_blocks_no_connection_is_no_proof(
    stack, spec, rabbitmqctl, monkeypatch, answer
):
    """At least one connection must be publishing."""
    monkeypatch.setattr(_broker_alarm, "PROVE_S", 0.0)
    rabbitmqctl.answers = [answer, "{0,0}"]
    fault = Block(spec("block", "broker"))
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {}
    alarms, blocked = answer.strip("{}").split(",")
    unproven = {"alarms": int(alarms), "blocked_connections": int(blocked)}
    assert fault.heal(stack.context) == {"unproven": unproven}


def test_a_connection_that_is_blocked_later_is_proof(stack, spec, rabbitmqctl):
    """It is blocked by its first publish under the alarm."""
    rabbitmqctl.answers = ["{1,0}", "{1,3}", "{0,0}"]
    fault = Block(spec("block", "broker"))
    fault.inject(stack.context)
    assert fault.prove(stack.context) == {"alarms": 1, "blocked_connections": 3}
    assert fault.heal(stack.context) == {}
    assert "set_alarm" not in rabbitmqctl.calls[1][0][-1]


def test_a_broker_that_still_blocks_is_not_healed(stack, spec, rabbitmqctl):
    """The state after the alarm is cleared decides."""
    rabbitmqctl.answers = ["{1,2}", "{1,2}"]
    fault = Block(spec("block", "broker"))
    fault.inject(stack.context)
    fault.heal(stack.context)
    with pytest.raises(RollbackError, match="still blocks"):
        fault.verify(stack.context)


def test_a_failing_tool_raises_a_stack_error_with_its_output(stack, spec, rabbitmqctl):
    """The caller handles typed errors only."""
    rabbitmqctl.answers, rabbitmqctl.code = ["Error: no node"], 69
    with pytest.raises(StackError, match="no node"):
        Block(spec("block", "broker")).inject(stack.context)


def test_a_missing_tool_raises_a_stack_error(stack, spec, rabbitmqctl, monkeypatch):
    """The message says what to install."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(tool.shutil, "which", lambda _: None)
    with pytest.raises(StackError, match="not installed"):
        Block(spec("block", "broker")).inject(stack.context)


def test_heal_without_inject_does_nothing(stack, spec):
    """No tool is called."""
    fault = Block(spec("block", "broker"))
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})
