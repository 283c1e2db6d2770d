"""The adapter interface: what Gauntlet needs to know of one IM system.

An `Adapter` declares the capabilities of its system and creates one `Codec` per session. A codec
turns intended actions into frames and calls, and received frames into events. It opens no socket
and reads no clock. A call goes over HTTP (`OverHttp`) or over the session's own connection
(`OverSocket`); the code that makes a call handles both kinds in the same way.

An adapter needs no other module of Gauntlet: this one also exports the names of the capabilities,
and `AdapterKind`, with which the adapters of this tree describe themselves.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec

from gauntlet.core.plugins import AdapterKind
from gauntlet.core.scenario.capabilities import (
    CAPABILITIES,
    DEVICES,
    HEADS,
    HISTORY,
    IDEMPOTENT_SEND,
    OPEN_ACCOUNTS,
    RESUME,
    ROOMS,
    SELF_ECHO,
    SERVER_SEQ,
)

__all__ = [
    "CAPABILITIES",
    "DEVICES",
    "HEADS",
    "HISTORY",
    "IDEMPOTENT_SEND",
    "OPEN_ACCOUNTS",
    "RESUME",
    "ROOMS",
    "SELF_ECHO",
    "SERVER_SEQ",
    "Adapter",
    "AdapterKind",
    "Answer",
    "Beat",
    "Call",
    "Codec",
    "Connected",
    "Cursor",
    "Entry",
    "Event",
    "EventBatch",
    "Gap",
    "Heartbeat",
    "Move",
    "OverHttp",
    "OverSocket",
    "Page",
    "ProtocolError",
    "ReconnectRequest",
    "Refused",
    "Request",
    "Response",
    "Say",
    "SendFrames",
    "Sent",
    "Settings",
    "Several",
]

Settings = Mapping[str, int | float | bool | str]
# How far a user has read a conversation: a position where the server numbers entries, otherwise
# the id of an entry ("" before the first).
Cursor = int | str
T = TypeVar("T")


class _Value(msgspec.Struct, frozen=True):
    """Base of the values below, which are created for every message.

    Creating a Struct costs a fifth of creating a NamedTuple.
    """


class Entry(_Value, frozen=True):
    """One entry of a conversation: a message, or a room event if `event` is set.

    `seq` is its position, or 0 if the server does not number entries; `id` identifies the entry
    where it has no position.
    """

    conv: str
    seq: int
    sender: str = ""
    body: str = ""
    client_msg_id: str = ""
    event: str = ""
    user: str = ""
    id: str = ""


class Connected(_Value, frozen=True):
    """The server has accepted the user; pushes follow.

    `edge` names the node and `environment` its deployment colour. The client pings after `ping_ms`
    without a frame and gives the connection up `pong_ms` later. `heads` holds the last position of
    each conversation. `resumed` means that the server continues where the last connection ended
    and sends what was missed.
    """

    edge: str
    environment: str
    ping_ms: int
    pong_ms: int
    heads: dict[str, int]
    resumed: bool = False


class Gap(_Value, frozen=True):
    """Positions `first` to `last` (inclusive) are not pushed on this connection."""

    conv: str
    first: int
    last: int


class ReconnectRequest(_Value, frozen=True):
    """The client must connect to `url` after `delay_ms`, and then close this connection."""

    url: str
    delay_ms: int
    deadline_ms: int


class Heartbeat(_Value, frozen=True):
    """A heartbeat: the last positions of conversations, and the frame that answers it, if any."""

    heads: dict[str, int]
    answer: bytes = b""


class Refused(_Value, frozen=True):
    """The reason for which the server is about to close the connection."""

    code: str
    message: str


class SendFrames(_Value, frozen=True):
    """The protocol requires the client to send these frames now, for example in a handshake."""

    frames: tuple[bytes, ...]


class Answer(_Value, frozen=True):
    """The `OverSocket` call with this ticket has ended; `value` is None if it was refused."""

    ticket: str
    value: Any


class EventBatch(_Value, frozen=True):
    """All events of one frame, in order; empty for a frame without content for a client."""

    events: tuple["Event", ...] = ()


Event = (
    Entry
    | Connected
    | Gap
    | ReconnectRequest
    | Heartbeat
    | Refused
    | SendFrames
    | Answer
    | EventBatch
)

# The names of these events in 0.1, kept for one release so that existing adapters work.
Move = ReconnectRequest
Beat = Heartbeat
Say = SendFrames
Several = EventBatch


class Request(_Value, frozen=True):
    """An HTTP request, without the address of the server."""

    method: str
    path: str
    body: bytes = b""
    token: str = ""


class Response(_Value, frozen=True):
    """An HTTP response; `retry_after_s` is 0 if the server requested no wait."""

    status: int
    body: bytes
    retry_after_s: float = 0.0


class OverHttp(_Value, Generic[T], frozen=True):
    """A call by HTTP. `read` returns its value, or raises ProtocolError if the call was refused."""

    request: Request
    read: Callable[[Response], T]


class OverSocket(_Value, Generic[T], frozen=True):
    """A call over the session's connection, which the event `Answer` with the same ticket ends.

    `frames` is empty if the codec keeps them until the connection is up again.
    """

    ticket: str
    frames: tuple[bytes, ...]


Call = OverHttp[T] | OverSocket[T]


class Sent(_Value, frozen=True):
    """The outcome of one attempt to send a message.

    `stored` is "yes" (at position `seq`), "no" (the attempt left nothing behind) or "unknown".
    `temporary` means that the client may try again, after `retry_after_s` at the earliest.
    """

    stored: Literal["yes", "no", "unknown"]
    seq: int = 0
    temporary: bool = True
    retry_after_s: float = 0.0


class Page(_Value, frozen=True):
    """A part of a conversation's history, in ascending order.

    `head` is the last position of the conversation when the page was read. `more` means that the
    history continues after the page; it is required where there are no positions, or where a page
    may be shorter than the requested limit.
    """

    entries: list[Entry]
    head: int = 0
    more: bool = False

    def continues(self, limit: int) -> bool:
        """Return whether the history continues after this page, which was read with `limit`."""
        return bool(self.entries) and (self.more or len(self.entries) >= limit)

    goes_on = continues  # its name in 0.1, kept for one release


class ProtocolError(Exception):
    """The server sent something that its protocol does not define, or refused a call."""


class Codec(ABC):
    """The protocol of one session of one user, over all of the session's connections.

    The methods below that are not abstract suit a system that lacks the feature.
    """

    def login(self) -> OverHttp[str] | None:
        """Return a call that opens a session and whose value is the address to connect to.

        None means that there is no login: clients connect to the target's own address.
        """
        return None

    def login_lasts_s(self) -> float:
        """Return the lifetime of the last login, which is renewed well before; 0: no expiry."""
        return 0

    @abstractmethod
    def open(self, cursors: Mapping[str, Cursor]) -> bytes:
        """Return the first frame of a new connection; `cursors` is how far the user has read."""

    @abstractmethod
    def read(self, frame: bytes) -> Event:
        """Return the event that a received frame is; ProtocolError if it is not understood."""

    @abstractmethod
    def send(self, conv: str, client_msg_id: str, body: str) -> Call[Sent]:
        """Return a call that sends a message.

        Reading its answer never raises: an answer that is not understood is `Sent("unknown")`.
        """

    def ping(self) -> bytes:
        """Return the client's own heartbeat frame, which any frame answers; empty for none."""
        return b""

    def goodbye(self) -> bytes:
        """Return the frame that precedes an intended close; empty if closing is enough."""
        return b""

    def lost(self) -> None:  # noqa: B027 - most codecs have nothing to do
        """Note that the connection has ended: later calls go out on the next connection."""

    def ack(self, conv: str, seq: int) -> bytes:
        """Return the frame that confirms everything up to `seq` as presented; empty for none."""
        return b""

    def history(self, conv: str, after: Cursor, limit: int) -> Call[Page]:
        """HISTORY: return a call that reads up to `limit` entries after `after`."""
        raise NotImplementedError

    def enter(self, conv: str) -> bytes:
        """ROOMS: return the frame with which the session enters a room."""
        raise NotImplementedError

    def exit(self, conv: str) -> bytes:
        """ROOMS: return the frame with which the session exits a room; the user stays a member."""
        raise NotImplementedError

    def add_member(self, conv: str, user: str) -> Call[int]:
        """ROOMS: return a call that makes a user a member; its value is the event's position."""
        raise NotImplementedError

    def members(self, conv: str) -> Call[dict[str, int]]:
        """ROOMS: return a call for every member and the first position that they may read."""
        raise NotImplementedError


class Adapter(Protocol):
    """One IM system. Each worker creates one, from the scenario's `target.server`."""

    capabilities: frozenset[str]
    subprotocol: str

    def __init__(self, settings: Settings) -> None: ...

    def websocket_url(self, url: str) -> str:
        """Return the address to dial for one that the target, a login or the server named."""

    def codec(self, user: str, device: str) -> Codec:
        """Return the codec of a new session."""
