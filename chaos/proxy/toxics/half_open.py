"""Lets nothing pass on connections that exist, not even their end; an extension of Toxiproxy."""

from gauntlet.chaos.proxy.toxics._stage import Stage


class HalfOpen(Stage):
    """Drops data and the end. When the toxic is removed, the connection is closed.

    Connections that are opened later are not affected: a router that has forgotten the old ones
    carries new ones as usual.
    """

    spares_new = True

    def feed(self, data: bytes) -> None:
        """Drop the data."""

    def end(self) -> None:
        """Drop the end, so that the other side believes that the connection lives."""

    def release(self) -> None:
        self.cancel()
        self.next.end()  # the stream has a hole
