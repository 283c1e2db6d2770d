"""block: RabbitMQ's memory alarm is raised, so that it reads nothing more from who publishes."""

import os
import shutil
import subprocess

import psutil

from gauntlet.chaos.faults._processes import victims
from gauntlet.chaos.faults.base import Evidence, FaultFailed
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import RollbackError, StackError
from gauntlet.core.scenario.model import Fault as Spec

# Debian's `rabbitmqctl` on PATH insists on its own user, as its server's wrapper does.
_BELOW_WRAPPER = "/usr/lib/rabbitmq/bin/rabbitmqctl"
_CALL_S = 40.0  # it boots an Erlang machine of its own: two seconds, more on a busy one

_ALARM = "{resource_limit, memory, node()}"
_SHOW = (
    "{length([set || {{resource_limit, memory, _}, _} <- rabbit_alarm:get_alarms()]),"
    " length([blocked || [{state, blocked}] <- rabbit_networking:connection_info_all([state])])}."
)
# A connection counts as blocked from its first publish under the alarm on.
_RAISE = f"rabbit_alarm:set_alarm({{{_ALARM}, []}}), timer:sleep(1000), {_SHOW}"
_CLEAR = f"rabbit_alarm:clear_alarm({_ALARM}), timer:sleep(200), {_SHOW}"


class Block:
    """The alarm itself, through RabbitMQ's own tool: real memory pressure would hit everybody."""

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self._pid: int | None = None
        self._raised = ""
        self._cleared = ""

    def inject(self, context: Context) -> Evidence:
        """Raise the alarm."""
        ((name, broker),) = victims(context, self._target, 1).items()
        self._pid = broker.pid  # before the call: it may act and yet not be answered
        self._raised = _evaluate(self._pid, _RAISE)
        return {"components": [name]}

    def prove(self, context: Context) -> Evidence:
        """The alarm is on, and holds up at least one connection."""
        alarms, blocked = _counts(self._raised)
        proof = {"alarms": alarms, "blocked_connections": blocked}
        if not alarms or not blocked:
            raise FaultFailed("no publisher is blocked", proof)
        return proof

    def heal(self, context: Context) -> Evidence:
        """Clear the alarm; a broker that was restarted meanwhile has none."""
        if self._pid is not None and psutil.pid_exists(self._pid):
            self._cleared = _evaluate(self._pid, _CLEAR)
        return {}

    def verify(self, context: Context) -> Evidence:
        """No alarm, and nobody blocked."""
        if not self._cleared:
            return {}
        if _counts(self._cleared) != (0, 0):
            raise RollbackError(f"the broker still blocks: {self._cleared}")
        return {"alarms": 0, "blocked_connections": 0}


def _evaluate(pid: int | None, erlang: str) -> str:
    """Run an expression inside the node; its environment tells the tool where that is."""
    tool = _BELOW_WRAPPER if os.access(_BELOW_WRAPPER, os.X_OK) else shutil.which("rabbitmqctl")
    if tool is None:
        raise StackError("rabbitmqctl is not installed beside the broker")
    done = subprocess.run(
        [tool, "--quiet", "eval", erlang],
        env=psutil.Process(pid).environ(),
        stdin=subprocess.DEVNULL,  # ours may be a pipe that somebody else reads
        capture_output=True,
        text=True,
        timeout=_CALL_S,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(f"rabbitmqctl: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout.strip()


def _counts(answer: str) -> tuple[int, int]:
    """`{1,2}` → (1, 2)."""
    alarms, _, blocked = answer.strip("{}").partition(",")
    return int(alarms), int(blocked)
