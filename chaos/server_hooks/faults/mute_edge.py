"""Makes an edge mute: it accepts clients and answers heartbeats, but never pushes a message.

Its health checks pass. Only a canary, which sends a message through the edge, detects the fault.
"""

from collections.abc import Iterable

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.subscriptions import Subscriptions


def install() -> None:
    """Discard everything that arrives from the bus or is read for a repair."""

    def discard(self: Subscriptions, entries: Iterable[Entry]) -> None:
        del self, entries

    Subscriptions.on_batch = discard  # type: ignore[method-assign]  # a hook replaces a method
