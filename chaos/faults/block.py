"""block: raises RabbitMQ's memory alarm, so that it stops reading from connections that publish."""

import os
import shutil
import subprocess
from typing import ClassVar

import psutil

from gauntlet.chaos.faults._processes import select_victims
from gauntlet.chaos.faults.base import Evidence, FaultFailed
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import RollbackError, StackError
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec

# On Debian, the `rabbitmqctl` on PATH is a wrapper that only its own user may run.
_DEBIAN_RABBITMQCTL = "/usr/lib/rabbitmq/bin/rabbitmqctl"
_CALL_TIMEOUT_S = 40.0  # the tool boots an Erlang VM: two seconds, more on a busy machine

_ALARM = "{resource_limit, memory, node()}"
_SHOW = (
    "{length([set || {{resource_limit, memory, _}, _} <- rabbit_alarm:get_alarms()]),"
    " length([blocked || [{state, blocked}] <- rabbit_networking:connection_info_all([state])])}."
)
# A connection counts as blocked only after its first publish under the alarm: so wait a moment.
_RAISE = f"rabbit_alarm:set_alarm({{{_ALARM}, []}}), timer:sleep(1000), {_SHOW}"
_CLEAR = f"rabbit_alarm:clear_alarm({_ALARM}), timer:sleep(200), {_SHOW}"


class Block:
    """Sets the alarm through RabbitMQ's own tool; real memory pressure would affect the machine."""

    kind: ClassVar[FaultKind] = FaultKind(
        "block",
        "raises RabbitMQ's memory alarm, which blocks publishers",
        targets=("broker",),
        stack="full",
        lasts=True,
    )

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self._pid: int | None = None
        self._raised = ""
        self._cleared = ""

    def inject(self, context: Context) -> Evidence:
        """Raise the alarm."""
        ((name, broker),) = select_victims(context, self._target, 1).items()
        # Noted before the call: a call that is not answered may have acted all the same.
        self._pid = broker.pid
        self._raised = _evaluate(self._pid, _RAISE)
        return {"components": [name]}

    def prove(self, context: Context) -> Evidence:
        """The alarm is set, and at least one connection is blocked."""
        alarms, blocked = _counts(self._raised)
        proof = {"alarms": alarms, "blocked_connections": blocked}
        if not alarms or not blocked:
            raise FaultFailed("no publisher is blocked", proof)
        return proof

    def heal(self, context: Context) -> Evidence:
        """Clear the alarm; a broker that has been restarted meanwhile has none."""
        if self._pid is not None and psutil.pid_exists(self._pid):
            self._cleared = _evaluate(self._pid, _CLEAR)
        return {}

    def verify(self, context: Context) -> Evidence:
        """The alarm is cleared, and no connection is blocked."""
        if not self._cleared:
            return {}
        if _counts(self._cleared) != (0, 0):
            raise RollbackError(
                f"the broker still blocks connections: {{alarms,connections}} = {self._cleared}"
            )
        return {"alarms": 0, "blocked_connections": 0}


def _evaluate(pid: int | None, erlang: str) -> str:
    """Evaluate an expression in the broker's node, which the environment of `pid` identifies."""
    is_debian = os.access(_DEBIAN_RABBITMQCTL, os.X_OK)
    tool = _DEBIAN_RABBITMQCTL if is_debian else shutil.which("rabbitmqctl")
    if tool is None:
        raise StackError("rabbitmqctl is not installed; the fault `block` needs it on PATH")
    completed = subprocess.run(
        [tool, "--quiet", "eval", erlang],
        env=psutil.Process(pid).environ(),
        stdin=subprocess.DEVNULL,  # our standard input may be a pipe with another reader
        capture_output=True,
        text=True,
        timeout=_CALL_TIMEOUT_S,
        check=False,
    )
    if completed.returncode != 0:
        output = (completed.stderr or completed.stdout).strip()
        raise StackError(f"rabbitmqctl failed: {output[-300:]}")
    return completed.stdout.strip()


def _counts(answer: str) -> tuple[int, int]:
    """Parse `{1,2}`: the numbers of alarms and of blocked connections."""
    alarms, _, blocked = answer.strip("{}").partition(",")
    return int(alarms), int(blocked)
