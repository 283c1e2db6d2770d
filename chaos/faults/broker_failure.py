"""broker-failure: kills the message broker, which starts again empty at the heal."""

from typing import ClassVar

from gauntlet.chaos.clients.cluster_control import Component
from gauntlet.chaos.faults._processes import select_victims
from gauntlet.chaos.faults.context import Context
from gauntlet.chaos.faults.kill import Kill
from gauntlet.core.plugins import FaultKind


class BrokerFailure(Kill):
    """Kills every broker. Both kinds of bus are transient, so a restarted broker is empty."""

    kind: ClassVar[FaultKind] = FaultKind(
        "broker-failure",
        "kills the message broker and starts it again, empty",
        targets=("broker",),
    )

    def _choose(self, context: Context) -> dict[str, Component]:
        return select_victims(context, self._spec.target, None)
