"""Evaluates expressions in the node of a RabbitMQ server of the stack, by its own tool."""

import os
import shutil
import subprocess

import psutil

from gauntlet.core.errors import StackError

# On Debian, the `rabbitmqctl` on PATH is a wrapper that only its own user may run.
_DEBIAN = "/usr/lib/rabbitmq/bin/rabbitmqctl"
_CALL_TIMEOUT_S = 40.0  # the tool boots an Erlang VM: two seconds, more on a busy machine


def evaluate(pid: int | None, erlang: str) -> str:
    """Return the value of an Erlang expression in the node, which the environment of `pid` names.

    Raises StackError if there is no such tool, process or value.
    """
    tool = _DEBIAN if os.access(_DEBIAN, os.X_OK) else shutil.which("rabbitmqctl")
    if tool is None:
        raise StackError("rabbitmqctl is not installed; faults on RabbitMQ need it on PATH")
    try:
        completed = subprocess.run(
            [tool, "--quiet", "eval", erlang],
            env=psutil.Process(pid).environ(),
            stdin=subprocess.DEVNULL,  # our standard input may be a pipe with another reader
            capture_output=True,
            text=True,
            timeout=_CALL_TIMEOUT_S,
            check=False,
        )
    except (psutil.Error, OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"rabbitmqctl failed: {error}") from error
    if completed.returncode != 0:
        output = (completed.stderr or completed.stdout).strip()
        raise StackError(f"rabbitmqctl failed: {output[-300:]}")
    return completed.stdout.strip()


def integers(answer: str) -> tuple[int, ...]:
    """Parse a tuple of numbers, such as `{1,2}`; StackError for anything else."""
    try:
        return tuple(int(part) for part in answer.strip("{}").split(","))
    except ValueError as error:
        raise StackError(f"rabbitmqctl: unexpected answer: {answer[-300:]}") from error
