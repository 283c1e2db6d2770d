"""partition: stops all traffic on a link without closing its connections."""

from typing import ClassVar

from gauntlet.chaos.clients.link_probe import ProbeResult
from gauntlet.chaos.faults._link_fault import LinkFault
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.catalog import EXTERNAL_LINKS


class Partition(LinkFault):
    """Drops every byte in both directions while the connections stay open.

    Proof: silence for a time in which the link would have answered. Toxiproxy closes the
    connections of a link when its toxic `timeout` is removed; that is how both ends learn that
    bytes are missing, as they would from the time-outs of TCP.
    """

    kind: ClassVar[FaultKind] = FaultKind(
        "partition",
        "stops all traffic on a link without closing its connections",
        targets=("link",),
        needs_link=True,
        external=EXTERNAL_LINKS,
        lasts=True,
        silences=True,
    )

    toxic = "timeout"
    failure = "the links still answer"

    def attributes(self) -> dict[str, int]:
        """Return the attributes of Toxiproxy's `timeout`; with 0 it never closes a connection."""
        return {"timeout": 0}

    def probe_timeout_s(self, slowest_ms: float) -> float:
        """Wait five times the slowest round trip, but at least a second."""
        return max(1.0, 5 * slowest_ms / 1000)

    def is_proven_by(self, baseline_ms: float, result: ProbeResult) -> bool:
        """Whether the link accepted a connection and then stayed silent."""
        return result.silent
