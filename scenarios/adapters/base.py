"""What an adapter is: the codec of one IM system. It opens no socket and reads no clock.

An `Adapter` declares what its system can do (`gauntlet.core.scenario.capabilities`) and gives every
session a `Codec`. A codec turns intentions into frames and calls, and frames into events. A call
goes over HTTP (`OverHttp`) or over the session's own connection (`OverSocket`), as the system
has it: whoever makes the call sees no difference.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec

Settings = Mapping[str, int | float | bool | str]
Cursor = int | str  # a position where the server numbers entries, else an entry's id ("": none)
T = TypeVar("T")


class _Value(msgspec.Struct, frozen=True):
    """Made for every message, hence no tuple: a Struct costs a fifth of one."""


class Entry(_Value, frozen=True):
    """One entry of a conversation: a message, or a room event (`event` is set).

    `seq` is its position, 0 where the server gives none; `id` tells it apart where there is none.
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
    """The connection is up; pushes follow. `edge` names the node, `environment` its colour.

    `resumed`: the server goes on where the last connection ended, and sends what was missed.
    """

    edge: str
    environment: str
    ping_ms: int
    pong_ms: int
    heads: dict[str, int]
    resumed: bool = False


class Gap(_Value, frozen=True):
    """Positions `first..last` are not pushed on this connection."""

    conv: str
    first: int
    last: int


class Move(_Value, frozen=True):
    """Connect to `url` after `delay_ms`, then close this connection."""

    url: str
    delay_ms: int
    deadline_ms: int


class Beat(_Value, frozen=True):
    """A heartbeat, and what to answer it with, if anything."""

    heads: dict[str, int]
    answer: bytes = b""


class Refused(_Value, frozen=True):
    """The server says why it is about to close."""

    code: str
    message: str


class Say(_Value, frozen=True):
    """The protocol wants these frames sent, now."""

    frames: tuple[bytes, ...]


class Answer(_Value, frozen=True):
    """The call of this ticket has ended; None where it was refused."""

    ticket: str
    value: Any


class Several(_Value, frozen=True):
    """What one frame says, in its order; it may be nothing."""

    events: tuple["Event", ...] = ()


Event = Entry | Connected | Gap | Move | Beat | Refused | Say | Answer | Several


class Request(_Value, frozen=True):
    """An HTTP request, without its address."""

    method: str
    path: str
    body: bytes = b""
    token: str = ""


class Response(_Value, frozen=True):
    """An HTTP response. `retry_after_s` is 0 where the server names no wait."""

    status: int
    body: bytes
    retry_after_s: float = 0.0


class OverHttp(_Value, Generic[T], frozen=True):
    """A call by HTTP. `read` gives its value, or raises ProtocolError where it was refused."""

    request: Request
    read: Callable[[Response], T]


class OverSocket(_Value, Generic[T], frozen=True):
    """A call over the session's connection; the event `Answer` with its ticket ends it.

    There are no frames where the codec keeps them until the connection is up again.
    """

    ticket: str
    frames: tuple[bytes, ...]


Call = OverHttp[T] | OverSocket[T]


class Sent(_Value, frozen=True):
    """How one attempt to send ended.

    `stored` is yes (at position `seq`), no (nothing was left behind) or unknown;
    `temporary` says that it may be tried again.
    """

    stored: Literal["yes", "no", "unknown"]
    seq: int = 0
    temporary: bool = True
    retry_after_s: float = 0.0


class Page(_Value, frozen=True):
    """A part of the history, ascending, and how far the conversation had come.

    `more` says that the history goes on after it, as it must where there are no positions, or
    where pages may be shorter than they were asked for.
    """

    entries: list[Entry]
    head: int = 0
    more: bool = False

    def goes_on(self, limit: int) -> bool:
        """Whether it ends before the head, of a page of at most `limit` positions."""
        return bool(self.entries) and (self.more or len(self.entries) >= limit)


class ProtocolError(Exception):
    """The server said something that the protocol does not have."""


class Codec(ABC):
    """One session's side of the conversation. What a system does not have is left as it is here."""

    def login(self) -> OverHttp[str] | None:
        """Open a session: the address to connect to; None where that is the target's own."""
        return None

    def login_lasts_s(self) -> float:
        """How long the last login is good for; it is renewed well before. 0: for ever."""
        return 0

    @abstractmethod
    def open(self, cursors: Mapping[str, Cursor]) -> bytes:
        """The first frame of a new connection, and how far the user has come."""

    @abstractmethod
    def read(self, frame: bytes) -> Event:
        """What a frame says; ProtocolError where that is not understood."""

    @abstractmethod
    def send(self, conv: str, client_msg_id: str, body: str) -> Call[Sent]:
        """Send a message; the call never fails, for what is not understood is unknown."""

    def ping(self) -> bytes:
        """The client's own heartbeat; anything that comes answers it. Empty: there is none."""
        return b""

    def goodbye(self) -> bytes:
        """What to say before leaving on purpose. Empty: the WebSocket's close says it all."""
        return b""

    def lost(self) -> None:  # noqa: B027 - most codecs have nothing to do
        """The connection has ended: what is asked for from now on goes out on the next one."""

    def ack(self, conv: str, seq: int) -> bytes:
        """Everything up to `seq` was presented. Empty: the system does not want to know."""
        return b""

    def history(self, conv: str, after: Cursor, limit: int) -> Call[Page]:
        """HISTORY: read what follows `after`."""
        raise NotImplementedError

    def enter(self, conv: str) -> bytes:
        """ROOMS: the session attends a room."""
        raise NotImplementedError

    def exit(self, conv: str) -> bytes:
        """ROOMS: the session attends a room no more; it stays a member."""
        raise NotImplementedError

    def add_member(self, conv: str, user: str) -> Call[int]:
        """ROOMS: put a user into a room; the position of the event that it caused."""
        raise NotImplementedError

    def members(self, conv: str) -> Call[dict[str, int]]:
        """ROOMS: every member with the first position he may read."""
        raise NotImplementedError


class Adapter(Protocol):
    """One IM system. It is made once a worker, from the scenario's `target.server`."""

    capabilities: frozenset[str]
    subprotocol: str

    def __init__(self, settings: Settings) -> None: ...

    def websocket_url(self, url: str) -> str:
        """The address to dial, from the one that the target, a login or a Move named."""

    def codec(self, user: str, device: str) -> Codec:
        """A new session's."""
