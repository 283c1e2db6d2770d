"""broker-failure: kills the message broker, which starts again empty at the heal."""

from gauntlet.chaos.faults.kill import Kill
from gauntlet.core.scenario.model import Fault as Spec


class BrokerFailure(Kill):
    """Kills every broker. Both kinds of bus are transient, so a restarted broker is empty."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec, count=None)
