"""disk-alarm: RabbitMQ finds its disk too full, so it stops reading from those that publish."""

from typing import ClassVar

from gauntlet.chaos.faults._broker_alarm import BrokerAlarm
from gauntlet.core.plugins import FaultKind

_LIMIT_BYTES = 2**60  # more than any disk has
_KEPT = "rabbit, gauntlet_disk_free_limit"


class DiskAlarm(BrokerAlarm):
    """Sets `disk_free_limit` above the free space; the node measures it at once, and again later.

    The limit of before is kept in the node, where it ends with the process, as the new one does.
    """

    kind: ClassVar[FaultKind] = FaultKind(
        "disk-alarm",
        "raises RabbitMQ's disk alarm by its limit of free space, which blocks publishers",
        targets=("broker",),
        stack="full",
        lasts=True,
    )
    resource = "disk"

    @property
    def raising(self) -> str:
        return (
            f"application:set_env({_KEPT}, rabbit_disk_monitor:get_disk_free_limit()), "
            f"rabbit_disk_monitor:set_disk_free_limit({_LIMIT_BYTES})"
        )

    @property
    def clearing(self) -> str:
        return (
            f"case application:get_env({_KEPT}) of undefined -> ok; "
            "{ok, Limit} -> rabbit_disk_monitor:set_disk_free_limit(Limit) end"
        )
