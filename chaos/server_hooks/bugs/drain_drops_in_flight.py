"""A seeded bug: a client that was told to move loses the next push.

The edge believes that it went out, so that later ones follow: a jump that no `gap` announces.
"""

from gauntlet.reference_server.edge.client_socket import ClientSocket
from gauntlet.reference_server.edge.drain import Drain


def install() -> None:
    """Drop silently what is pushed first after the order to move."""
    tell_honestly, push_honestly = Drain._tell, ClientSocket.push  # noqa: SLF001  # a seeded bug reaches where an author would slip
    told: set[str] = set()  # connections that are still to lose a push

    def tell(self: Drain, socket: ClientSocket, url: str, delay_ms: int) -> None:
        tell_honestly(self, socket, url, delay_ms)
        told.add(socket.core.name)

    def push(self: ClientSocket, conv: str, seq: int, frame: bytes) -> None:
        if self.core.name in told:
            told.discard(self.core.name)
            self.core.advance(conv, seq)
        else:
            push_honestly(self, conv, seq, frame)

    Drain._tell = tell  # type: ignore[method-assign]  # noqa: SLF001  # that is what it is
    ClientSocket.push = push  # type: ignore[method-assign]  # same
