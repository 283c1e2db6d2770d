"""reorder: packets to and from processes overtake each other, and TCP puts them in order again."""

from typing import ClassVar

from gauntlet.chaos.faults._packet_fault import PacketFault, Rules
from gauntlet.chaos.faults.base import param
from gauntlet.chaos.faults.victims import COUNT_OR_PERCENT, VICTIM_PARAMS
from gauntlet.chaos.packets.packet_reorder import PacketReorder
from gauntlet.core.plugins import FaultKind, Param


class Reorder(PacketFault):
    """Holds a share of the packets back until a later one of their connection has passed."""

    kind: ClassVar[FaultKind] = FaultKind(
        "reorder",
        "lets packets to and from processes overtake each other, as a network with many paths does",
        targets=("role",),
        params={
            "share": Param("percent", 20, "share of the packets with data that are held back"),
            "hold": Param("duration", "100ms", "how long a packet waits at most", positive=True),
            **VICTIM_PARAMS,
        },
        exclusive=COUNT_OR_PERCENT,
        lasts=True,
    )
    effect = "reordered"

    def add(self, table: str, ports: set[int]) -> Rules:
        """Let a process queue the packets."""
        share = float(param(self._spec, "share")) / 100
        return PacketReorder(table, ports, share, param(self._spec, "hold"))
