"""An edge that accepts clients, greets them and keeps their heartbeats, and never pushes a message.

Its health checks are all well: only what a canary sends through it shows that it is broken.
"""

from collections.abc import Iterable

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.subscriptions import EdgeFanout


def install() -> None:
    """Let whatever comes from the bus, or from a range read, fall on deaf ears."""

    def deaf(self: EdgeFanout, entries: Iterable[Entry]) -> None:
        del self, entries

    EdgeFanout.hear = deaf  # type: ignore[method-assign]  # that is what sabotage is
