"""refuse: refuses new connections; live ones stay."""

from collections import Counter
from typing import ClassVar

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.clients.witnesses import Ending
from gauntlet.chaos.faults._toxic_fault import link_kind
from gauntlet.chaos.faults._witnessed import WitnessedFault
from gauntlet.core.plugins import FaultKind, Param


class Refuse(WitnessedFault):
    """Refuses new connections, as a server does whose accept queue is closed.

    Proof: a new connection is refused, and one that was opened before is answered.
    """

    kind: ClassVar[FaultKind] = link_kind(
        "refuse",
        "refuses new connections of a link; live ones stay",
        {"percent": Param("percent", 100, "share of the new connections")},
        one_way=False,
        external=("client>target", "client>edge", "client>gateway"),
        backend="embedded",
        instead="kill, which also ends live connections",
        silences=True,
    )

    toxic = "refuse"
    to_end = False

    def attributes(self) -> dict[str, int]:
        """Return the attributes of the embedded proxy's `refuse`."""
        return {}

    def is_shown_by(self, before: Exchange, now: Exchange) -> bool:
        """Whether a new connection is refused, or reset at once if the fault has a share."""
        return now.ended == "refused" or (now.ended == "reset" and now.received == 0)

    def is_shown_by_old(self, endings: Counter[Ending]) -> bool:
        """Whether every old connection is answered."""
        return set(endings) == {"answered"}
