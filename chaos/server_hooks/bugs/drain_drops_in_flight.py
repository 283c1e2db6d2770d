"""Seeded bug: a client that was asked to reconnect loses the next push.

The edge records the push as sent, so later ones follow: the client sees a jump in positions that no
`gap` frame announces.
"""

from gauntlet.reference_server.edge.client_socket import ClientSocket
from gauntlet.reference_server.edge.drain import Drain


def install() -> None:
    """Drop the first push after the request to reconnect."""
    original_tell, original_push = Drain._send_reconnect, ClientSocket.push  # noqa: SLF001  # a seeded bug replaces internals
    losing_next_push: set[str] = set()  # names of connections

    def tell(self: Drain, socket: ClientSocket, url: str, delay_ms: int) -> None:
        original_tell(self, socket, url, delay_ms)
        losing_next_push.add(socket.core.name)

    def push(self: ClientSocket, conv: str, seq: int, frame: bytes) -> None:
        if self.core.name in losing_next_push:
            losing_next_push.discard(self.core.name)
            self.core.advance(conv, seq)
        else:
            original_push(self, conv, seq, frame)

    Drain._send_reconnect = tell  # type: ignore[method-assign]  # noqa: SLF001  # a seeded bug replaces internals
    ClientSocket.push = push  # type: ignore[method-assign]  # same
