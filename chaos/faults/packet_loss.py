"""packet-loss: the kernel drops packets to and from processes, and TCP sends them again."""

from typing import ClassVar

from gauntlet.chaos.clients.packet_filter import PacketFilter
from gauntlet.chaos.faults._packet_fault import PacketFault, Rules
from gauntlet.chaos.faults.base import param
from gauntlet.chaos.faults.victims import COUNT_OR_PERCENT, VICTIM_PARAMS
from gauntlet.core.plugins import FaultKind, Param


class PacketLoss(PacketFault):
    """Drops a share of the packets of the ports on which components listen, in both directions."""

    kind: ClassVar[FaultKind] = FaultKind(
        "packet-loss",
        "drops packets to and from processes at random, as a bad network does",
        targets=("role",),
        params={
            "loss": Param("percent", 10, "share of the packets that are dropped"),
            **VICTIM_PARAMS,
        },
        exclusive=COUNT_OR_PERCENT,
        lasts=True,
    )
    effect = "dropped"

    def add(self, table: str, ports: set[int]) -> Rules:
        """Let the kernel drop packets at random."""
        return PacketFilter(table, ports, float(param(self._spec, "loss")) / 100)
