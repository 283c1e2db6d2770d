"""block, with a double of RabbitMQ's command-line tool."""

import os
import subprocess
from types import SimpleNamespace

import pytest

from gauntlet.chaos.faults import block
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.block import Block
from gauntlet.core.errors import RollbackError, StackError


@pytest.fixture
def tool(monkeypatch):
    """A double of `rabbitmqctl`: it prints one of `answers` per call and records the `calls`."""
    double = SimpleNamespace(answers=[], calls=[], code=0)

    def run(argv, *, env, **_options):
        double.calls.append((argv, env))
        answer = double.answers.pop(0)
        return subprocess.CompletedProcess(argv, double.code, stdout=answer + "\n", stderr="")

    monkeypatch.setattr(block.subprocess, "run", run)
    monkeypatch.setattr(block.shutil, "which", lambda _: "rabbitmqctl")
    node = SimpleNamespace(environ=lambda: {"RABBITMQ_NODENAME": "broker@localhost"})
    monkeypatch.setattr(block.psutil, "Process", lambda _pid: node)
    monkeypatch.setattr(block.psutil, "pid_exists", lambda _pid: True)
    return double


def test_the_alarm_is_raised_and_cleared_in_the_broker_s_node(stack, spec, tool):
    """The environment of the broker's process identifies the node."""
    tool.answers = ["{1,2}", "{0,0}"]
    fault = Block(spec("block", "broker"))
    assert fault.inject(stack.context) == {"components": ["broker"]}
    assert fault.prove(stack.context) == {"alarms": 1, "blocked_connections": 2}
    fault.heal(stack.context)
    assert fault.verify(stack.context) == {"alarms": 0, "blocked_connections": 0}
    assert [env for _, env in tool.calls] == [{"RABBITMQ_NODENAME": "broker@localhost"}] * 2
    assert "set_alarm" in tool.calls[0][0][-1]
    assert "clear_alarm" in tool.calls[1][0][-1]


@pytest.mark.parametrize("answer", ["{0,0}", "{1,0}", "{0,2}"])
def test_an_alarm_that_blocks_no_connection_is_no_proof(stack, spec, tool, answer):
    """At least one connection must be publishing."""
    tool.answers = [answer]
    fault = Block(spec("block", "broker"))
    fault.inject(stack.context)
    with pytest.raises(FaultFailed, match="no publisher"):
        fault.prove(stack.context)


def test_a_broker_that_still_blocks_is_not_healed(stack, spec, tool):
    """The state after the alarm is cleared decides."""
    tool.answers = ["{1,2}", "{1,2}"]
    fault = Block(spec("block", "broker"))
    fault.inject(stack.context)
    fault.heal(stack.context)
    with pytest.raises(RollbackError, match="still blocks"):
        fault.verify(stack.context)


def test_a_failing_tool_raises_a_stack_error_with_its_output(stack, spec, tool):
    """The caller handles typed errors only."""
    tool.answers, tool.code = ["Error: no node"], 69
    with pytest.raises(StackError, match="no node"):
        Block(spec("block", "broker")).inject(stack.context)


def test_a_missing_tool_raises_a_stack_error(stack, spec, tool, monkeypatch):
    """The message says what to install."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(block.shutil, "which", lambda _: None)
    with pytest.raises(StackError, match="not installed"):
        Block(spec("block", "broker")).inject(stack.context)


def test_heal_without_inject_does_nothing(stack, spec):
    """No tool is called."""
    fault = Block(spec("block", "broker"))
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})
