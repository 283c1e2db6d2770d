"""blackhole: drops every byte in one direction or both, without closing connections."""

from typing import ClassVar

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.faults._flapping import TOGETHER
from gauntlet.chaos.faults._toxic_fault import SHARED, ToxicFault
from gauntlet.core.plugins import FaultKind
from gauntlet.core.scenario.catalog import EXTERNAL_LINKS


class Blackhole(ToxicFault):
    """Drops bytes while the connections stay open; `partition` does so for all of a link.

    Proof: a link that answered is silent. Toxiproxy closes every connection of a link when its
    toxic `timeout` is removed, because the streams have holes.
    """

    kind: ClassVar[FaultKind] = FaultKind(
        "blackhole",
        "drops every byte of a link in one direction or both",
        targets=("link",),
        params=SHARED,
        needs_link=True,
        external=EXTERNAL_LINKS,
        lasts=True,
        together=TOGETHER,
        silences=True,
    )

    toxic = "timeout"
    to_end = False  # the end would pass, and hide that the answer was dropped

    def attributes(self) -> dict[str, int]:
        """Return the attributes of Toxiproxy's `timeout`; with 0 it never closes a connection."""
        return {"timeout": 0}

    def is_shown_by(self, before: Exchange, now: Exchange) -> bool:
        """Whether nothing arrived and the connection stayed open."""
        return now.silent
