"""blackhole: drops every byte in one direction or both, without closing connections."""

from typing import ClassVar

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.faults._toxic_fault import ToxicFault, link_kind
from gauntlet.core.plugins import FaultKind


class Blackhole(ToxicFault):
    """Drops bytes while the connections stay open.

    Proof: a link that answered is silent; a server that closes after its answer ends the connection
    without one, because the end of a connection passes. Toxiproxy closes every connection of a link
    when its toxic `timeout` is removed, because the streams have holes.
    """

    kind: ClassVar[FaultKind] = link_kind(
        "blackhole", "drops every byte of a link in one direction or both", silences=True
    )

    toxic = "timeout"
    to_end = False
    idle_ms = 50

    def attributes(self) -> dict[str, int]:
        """Return the attributes of Toxiproxy's `timeout`; with 0 it never closes a connection."""
        return {"timeout": 0}

    def is_shown_by(self, before: Exchange, now: Exchange) -> bool:
        """Whether nothing arrived on a connection that had been open."""
        dropped = before.received > 0 and now.cut and now.received == 0
        return now.sent > 0 and (now.silent or dropped)
