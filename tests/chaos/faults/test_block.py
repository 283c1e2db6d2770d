"""block, with a tool that answers as RabbitMQ's does."""

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
    """Plays `rabbitmqctl`: `answers` are printed one a call, `asked` holds argv and environment."""
    played = SimpleNamespace(answers=[], asked=[], code=0)

    def run(argv, *, env, **_options):
        played.asked.append((argv, env))
        answer = played.answers.pop(0)
        return subprocess.CompletedProcess(argv, played.code, stdout=answer + "\n", stderr="")

    monkeypatch.setattr(block.subprocess, "run", run)
    monkeypatch.setattr(block.shutil, "which", lambda _: "rabbitmqctl")
    node = SimpleNamespace(environ=lambda: {"RABBITMQ_NODENAME": "broker@localhost"})
    monkeypatch.setattr(block.psutil, "Process", lambda _pid: node)
    monkeypatch.setattr(block.psutil, "pid_exists", lambda _pid: True)
    return played


def test_the_alarm_is_raised_in_the_broker_s_own_node_and_cleared(world, spec, tool):
    """The tool is told by the process's environment which node it is."""
    tool.answers = ["{1,2}", "{0,0}"]
    fault = Block(spec("block", "broker"))
    assert fault.inject(world.context) == {"components": ["broker"]}
    assert fault.prove(world.context) == {"alarms": 1, "blocked_connections": 2}
    fault.heal(world.context)
    assert fault.verify(world.context) == {"alarms": 0, "blocked_connections": 0}
    assert [env for _, env in tool.asked] == [{"RABBITMQ_NODENAME": "broker@localhost"}] * 2
    assert "set_alarm" in tool.asked[0][0][-1]
    assert "clear_alarm" in tool.asked[1][0][-1]


@pytest.mark.parametrize("answer", ["{0,0}", "{1,0}", "{0,2}"])
def test_an_alarm_that_blocks_nobody_is_no_proof(world, spec, tool, answer):
    """Somebody must be publishing."""
    tool.answers = [answer]
    fault = Block(spec("block", "broker"))
    fault.inject(world.context)
    with pytest.raises(FaultFailed, match="no publisher"):
        fault.prove(world.context)


def test_a_broker_that_still_blocks_is_not_healed(world, spec, tool):
    """The state after the clear decides."""
    tool.answers = ["{1,2}", "{1,2}"]
    fault = Block(spec("block", "broker"))
    fault.inject(world.context)
    fault.heal(world.context)
    with pytest.raises(RollbackError, match="still blocks"):
        fault.verify(world.context)


def test_a_tool_that_fails_is_a_typed_error(world, spec, tool):
    """With what it said."""
    tool.answers, tool.code = ["Error: no node"], 69
    with pytest.raises(StackError, match="no node"):
        Block(spec("block", "broker")).inject(world.context)


def test_without_the_tool_there_is_no_block(world, spec, tool, monkeypatch):
    """Said in a sentence."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(block.shutil, "which", lambda _: None)
    with pytest.raises(StackError, match="not installed"):
        Block(spec("block", "broker")).inject(world.context)


def test_what_was_not_injected_is_healed(world, spec):
    """Without asking anybody."""
    fault = Block(spec("block", "broker"))
    assert (fault.heal(world.context), fault.verify(world.context)) == ({}, {})
