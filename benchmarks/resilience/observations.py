"""What independent clients saw of a server, and what its store holds in the end."""

from collections import defaultdict

import msgspec


class Sent(msgspec.Struct, kw_only=True):
    """A message that a user sent; times are monotonic seconds.

    `seq` is the position of the acknowledgement, or None if there was none. A message that is
    `refused` will never be accepted; it is `unsure` whether an earlier attempt was stored.
    """

    conv: str
    sender: str
    message: str  # the id that the client chose
    body: str
    sent_s: float
    acked_s: float | None = None
    seq: int | None = None
    attempts: int = 0
    refused: bool = False
    unsure: bool = False


class Entry(msgspec.Struct, frozen=True):
    """An entry of a conversation; events of rooms have no message id."""

    conv: str
    seq: int
    sender: str = ""
    message: str = ""
    body: str = ""


class Connection(msgspec.Struct):
    """What one connection of a device received, in its order.

    A frame is an entry, or the last position of a gap that the server announced. `heads` are the
    positions after which pushes start.
    """

    user: str
    heads: dict[str, int]
    frames: list[Entry | tuple[str, int]] = []


class Device(msgspec.Struct):
    """What one device received: on each of its connections, and from the history."""

    user: str
    name: str
    connections: list[Connection] = []
    read: list[Entry] = []

    def entries(self) -> dict[str, dict[int, Entry]]:
        """Return all that the device has, by conversation and position."""
        found: dict[str, dict[int, Entry]] = defaultdict(dict)
        for connection in self.connections:
            for frame in connection.frames:
                if isinstance(frame, Entry):
                    found[frame.conv][frame.seq] = frame
        for entry in self.read:
            found[entry.conv][entry.seq] = entry
        return found


class Observations(msgspec.Struct):
    """Everything that a run of independent clients produced.

    `members` are the users of each conversation. `stores` are the complete histories of each
    conversation, one for each gateway that was asked, or none if they could not be read. `open_to`
    are the conversations that a
    stranger could read, with the stranger.
    """

    members: dict[str, tuple[str, ...]] = {}
    sent: list[Sent] = []
    devices: list[Device] = []
    stores: list[dict[str, list[Entry]]] = []
    open_to: list[tuple[str, str]] = []
