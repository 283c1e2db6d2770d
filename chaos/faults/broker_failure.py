"""broker-failure: kills the message broker, which starts again empty at the heal."""

from typing import ClassVar

from gauntlet.chaos.faults.kill import Kill
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.model import Fault as Spec


class BrokerFailure(Kill):
    """Kills every broker. Both kinds of bus are transient, so a restarted broker is empty."""

    kind: ClassVar[FaultKind] = FaultKind(
        "broker-failure",
        "kills the message broker and starts it again, empty",
        targets=("broker",),
    )

    def _count_of(self, spec: Spec) -> int | None:
        return None
