"""block: raises RabbitMQ's memory alarm, so that it stops reading from connections that publish."""

from typing import ClassVar

from gauntlet.chaos.faults._broker_alarm import BrokerAlarm
from gauntlet.core.plugins import FaultKind

_ALARM = "{resource_limit, memory, node()}"


class Block(BrokerAlarm):
    """Sets the alarm itself; real memory pressure would affect the machine."""

    kind: ClassVar[FaultKind] = FaultKind(
        "block",
        "raises RabbitMQ's memory alarm, which blocks publishers",
        targets=("broker",),
        stack="full",
        lasts=True,
    )
    resource = "memory"

    @property
    def raising(self) -> str:
        return f"rabbit_alarm:set_alarm({{{_ALARM}, []}})"

    @property
    def clearing(self) -> str:
        return f"rabbit_alarm:clear_alarm({_ALARM})"
