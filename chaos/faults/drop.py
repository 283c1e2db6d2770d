"""drop: drops what connections carry and closes them, so that no stream goes on with a hole."""

from typing import ClassVar

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.faults._toxic_fault import ToxicFault, link_kind
from gauntlet.core.plugins import FaultKind


class Drop(ToxicFault):
    """Drops the next bytes of a connection and closes it, for as long as the fault lasts.

    Proof: a connection that was answered ends without an answer. Connections that carry nothing
    stay open, and so do those that the share spares, also at the heal.
    """

    kind: ClassVar[FaultKind] = link_kind(
        "drop", "drops what connections carry, and closes them", silences=True
    )

    toxic = "limit_data"
    idle_ms = 50

    def attributes(self) -> dict[str, int]:
        """Return the attributes of Toxiproxy's `limit_data`."""
        return {"bytes": 0}

    def is_shown_by(self, before: Exchange, now: Exchange) -> bool:
        """Whether the connection ended when a request had been sent, before anything arrived."""
        return before.received > 0 and now.cut and now.sent > 0 and now.received == 0
