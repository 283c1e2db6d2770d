"""What the alarms of RabbitMQ share: it stops reading from connections that publish."""

from abc import ABC, abstractmethod
from typing import ClassVar

import psutil

from gauntlet.chaos.clients.rabbitmqctl import evaluate, integers
from gauntlet.chaos.faults._processes import select_victims
from gauntlet.chaos.faults.base import PROVE_S, Evidence, poll
from gauntlet.chaos.faults.context import Context
from gauntlet.core.errors import RollbackError
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec

_SHOW = (
    "{{length([set || {{{{resource_limit, {resource}, _}}, _}} <- rabbit_alarm:get_alarms()]),"
    " length([blocked || [{{state, blocked}}] <-"
    " rabbit_networking:connection_info_all([state])])}}."
)
# A connection counts as blocked only after its first publish under the alarm: so wait a moment.
_RAISED_MS, _CLEARED_MS = 1_000, 200


class BrokerAlarm(ABC):
    """Raises the alarm of a `resource`, by Erlang expressions in RabbitMQ's own node."""

    kind: ClassVar[FaultKind]
    resource: ClassVar[str]

    def __init__(self, spec: Spec) -> None:
        self._target = spec.target
        self._pid: int | None = None
        self._raised = ""
        self._unproven: Evidence = {}
        self._cleared = ""

    @property
    @abstractmethod
    def raising(self) -> str:
        """An expression that raises the alarm."""

    @property
    @abstractmethod
    def clearing(self) -> str:
        """An expression that clears the alarm, and may be evaluated again."""

    def inject(self, context: Context) -> Evidence:
        """Raise the alarm."""
        ((name, broker),) = select_victims(context, self._target, 1).items()
        # Noted before the call: a call that is not answered may have acted anyway.
        self._pid = broker.pid
        self._raised = self._evaluate(self.raising, _RAISED_MS)
        return {"components": [name]}

    def prove(self, context: Context) -> Evidence:
        """The alarm is set, and at least one connection is blocked."""
        last: Evidence = {}

        def is_blocked() -> bool | None:
            # The first look was made when the alarm was raised.
            shown = self._evaluate("ok", 0) if last else self._raised
            last["alarms"], last["blocked_connections"] = integers(shown)
            return all(last.values()) or None

        if poll(is_blocked, PROVE_S, context.stop):
            return last
        self._unproven = last
        return {}

    def heal(self, context: Context) -> Evidence:
        """Clear the alarm; a broker that has been restarted meanwhile has none."""
        if self._pid is not None and psutil.pid_exists(self._pid):
            self._cleared = self._evaluate(self.clearing, _CLEARED_MS)
        return {"unproven": self._unproven} if self._unproven else {}

    def verify(self, context: Context) -> Evidence:
        """The alarm is cleared, and no connection is blocked."""
        if not self._cleared:
            return {}
        if integers(self._cleared) != (0, 0):
            raise RollbackError(
                f"the broker still blocks connections: {{alarms,connections}} = {self._cleared}"
            )
        return {"alarms": 0, "blocked_connections": 0}

    def _evaluate(self, expression: str, then_ms: int) -> str:
        show = _SHOW.format(resource=self.resource)
        return evaluate(self._pid, f"{expression}, timer:sleep({then_ms}), {show}")
