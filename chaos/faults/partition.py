"""partition: stops all traffic on a link without closing its connections."""

from typing import ClassVar

from gauntlet.chaos.faults._toxic_fault import link_kind
from gauntlet.chaos.faults.blackhole import Blackhole
from gauntlet.core.plugins import FaultKind, Param


class Partition(Blackhole):
    """Drops every byte, as `blackhole` does, of a link or between groups of components.

    That Toxiproxy closes the connections at the heal is how both ends learn that bytes are missing,
    as they would from the time-outs of TCP.
    """

    kind: ClassVar[FaultKind] = link_kind(
        "partition",
        "stops all traffic on a link without closing its connections",
        {
            "groups": Param(
                "groups", None, "in place of a target: cut the links between these groups"
            )
        },
        silences=True,
    )
