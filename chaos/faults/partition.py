"""partition: a link carries nothing, and nobody is told."""

from gauntlet.chaos.clients.link_probe import Reading
from gauntlet.chaos.faults._link_fault import ProbedFault


class Partition(ProbedFault):
    """Drops every byte in both directions while the connections stay open.

    Proof: silence, for a time in which the link would have answered. Toxiproxy closes a link's
    connections when its `timeout` toxic is removed; so both ends learn at the heal that bytes are
    missing, as they would by TCP's own time-outs.
    """

    toxic = "timeout"
    missing = "the links still answer"

    def attributes(self) -> dict[str, int]:
        """Of Toxiproxy's `timeout`: 0 never closes by itself."""
        return {"timeout": 0}

    def patience_s(self, slowest_ms: float) -> float:
        """Five times what the slowest link took, a second at least."""
        return max(1.0, 5 * slowest_ms / 1000)

    def shows(self, before_ms: float, after: Reading) -> bool:
        """Whether the link was open and silent."""
        return after.silent
