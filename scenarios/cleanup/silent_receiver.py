"""A receiver that reads and acknowledges nothing, so that a clean-up changes nothing else."""

from collections.abc import Mapping

from gauntlet.scenarios.adapters.base import Connected, Cursor, Entry, Gap
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.receiver import Receiver


class SilentReceiver(Receiver):
    """Reads and acknowledges nothing."""

    def cursors(self) -> dict[str, Cursor]:
        return {}

    def on_entry(self, connection: Connection, entry: Entry) -> None:
        """Ignore it."""

    def on_connected(self, connection: Connection, connected: Connected, *, returned: bool) -> None:
        """Ignore it."""

    def on_heads(self, heads: Mapping[str, int], *, fresh: bool) -> None:
        """Ignore it."""

    def on_gap(self, connection: Connection, gap: Gap) -> None:
        """Ignore it."""
