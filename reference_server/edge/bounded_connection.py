"""A WebSocket that does not collect answers for a client that reads none of them."""

from websockets.asyncio.server import ServerConnection


class BoundedConnection(ServerConnection):
    """A connection that is aborted at its write limit.

    `websockets` answers pings by itself, also to a client that reads nothing: without a limit those
    answers would pile up.
    """

    def pause_writing(self) -> None:
        self.transport.abort()
