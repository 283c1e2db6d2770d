"""half-open: nothing passes on the connections that exist, not even their end."""

from collections import Counter
from typing import ClassVar

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.clients.witnesses import Ending
from gauntlet.chaos.faults._toxic_fault import link_kind
from gauntlet.chaos.faults._witnessed import WitnessedFault
from gauntlet.core.plugins import FaultKind


class HalfOpen(WitnessedFault):
    """Each side believes that the connection lives, until its heartbeat or the heal tells it.

    New connections work: a router that has forgotten the old ones carries new ones as usual.

    Proof: a connection that was opened before is silent, and a new one is answered.
    """

    kind: ClassVar[FaultKind] = link_kind(
        "half-open",
        "lets nothing pass on the connections that exist, not even their end",
        external=("client>target", "client>edge", "client>gateway"),
        backend="embedded",
        instead="blackhole, which also affects new connections and lets their end pass",
    )

    toxic = "half_open"
    to_end = False

    def attributes(self) -> dict[str, int]:
        """Return the attributes of the embedded proxy's `half_open`."""
        return {}

    def is_shown_by(self, before: Exchange, now: Exchange) -> bool:
        """Whether a new connection is answered."""
        return now.received > 0

    def is_shown_by_old(self, endings: Counter[Ending]) -> bool:
        """Whether old connections are silent: all of them, or some if the fault has a share."""
        return endings["open"] > 0 and (self._share < 1 or set(endings) == {"open"})
