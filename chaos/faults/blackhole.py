"""blackhole: drops every byte in one direction or both, without closing connections."""

from typing import ClassVar

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.faults._toxic_fault import ToxicFault, link_kind
from gauntlet.core.plugins import FaultKind


class Blackhole(ToxicFault):
    """Drops bytes while the connections stay open.

    Proof: a link that answered is silent. Toxiproxy closes every connection of a link when its
    toxic `timeout` is removed, because the streams have holes.
    """

    kind: ClassVar[FaultKind] = link_kind(
        "blackhole", "drops every byte of a link in one direction or both", silences=True
    )

    toxic = "timeout"
    to_end = False  # the end would pass, and hide that the answer was dropped

    def attributes(self) -> dict[str, int]:
        """Return the attributes of Toxiproxy's `timeout`; with 0 it never closes a connection."""
        return {"timeout": 0}

    def is_shown_by(self, before: Exchange, now: Exchange) -> bool:
        """Whether nothing arrived and the connection stayed open."""
        return now.silent
