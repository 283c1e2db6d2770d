"""A seeded bug: a client that was told to move loses the next push of each conversation.

The edge believes that it went out, so that later ones follow: a jump that no `gap` announces.
"""

from reference_server.edge_drain import Drain
from reference_server.edge_socket import ClientSocket


def install() -> None:
    """Drop silently what is pushed first after the order to move."""
    tell_honestly, push_honestly = Drain._tell, ClientSocket.push  # noqa: SLF001  # a seeded bug reaches where an author would slip
    dropped: dict[str, set[str]] = {}  # connection that was told -> conversations

    def tell(self: Drain, socket: ClientSocket, url: str, delay_ms: int) -> None:
        tell_honestly(self, socket, url, delay_ms)
        dropped[socket.core.name] = set()

    def push(self: ClientSocket, conv: str, seq: int, frame: bytes) -> None:
        so_far = dropped.get(self.core.name)
        if so_far is None or conv in so_far:
            push_honestly(self, conv, seq, frame)
        else:
            so_far.add(conv)
            self.core.advance(conv, seq)

    Drain._tell = tell  # type: ignore[method-assign]  # noqa: SLF001  # that is what it is
    ClientSocket.push = push  # type: ignore[method-assign]  # same
