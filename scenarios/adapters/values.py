"""The values that an adapter exchanges with Gauntlet: events, calls and their answers, traits.

The contract promises three things of every value here: it is created by keyword, its fields are
read as attributes, and it does not change. How the values are implemented may change.

Compiled code checks the types of fields when it reads them. Therefore these types are as wide as
what adapters may pass, and `limits` checks what comes from a server before the engine reads it.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Generic, Literal, Self, TypeVar

import msgspec

Settings = Mapping[str, int | float | bool | str]
# Of milliseconds and seconds: JSON does not tell 5 from 5.0.
Number = int | float
# How far a user has read a conversation: a position where the server numbers entries, otherwise
# the id of an entry ("" before the first).
Cursor = int | str
T = TypeVar("T")


class ProtocolError(Exception):
    """The server sent something that its protocol does not define, or refused a call."""


class Binary(bytes):
    """A frame that is a binary WebSocket message; a frame of plain `bytes` is a text message.

    Codecs return it to send a binary message, and receive it if the server has sent one.
    """

    __slots__ = ()


class ServerSentEvent(bytes):
    """A frame of the transport `sse`: the data of one event, with its type and id."""

    event: str
    id: str

    def __new__(
        cls,
        data: bytes,
        event: str = "message",
        id: str = "",  # noqa: A002 - the field's name in the standard
    ) -> Self:
        self = super().__new__(cls, data)
        self.event, self.id = event, id
        return self


class _Value(msgspec.Struct, frozen=True):
    """Base of the values below, which are created for every message.

    Creating a Struct costs a fifth of creating a NamedTuple.
    """


# Events: what a received frame means.


class Entry(_Value, frozen=True):
    """One entry of a conversation: a message, or a room event if `event` is set.

    `seq` is its position, or 0 if the server does not number entries. `client_msg_id` is the id
    that the sender chose, and `id` the one that the server assigned; `id` identifies the entry
    where it has no position. `stamped_ms` is the time with which the server stamped it, in
    milliseconds since the epoch, or 0 (TIMESTAMPS). A message that is a sticker has its name in
    `sticker`, and no text.
    """

    conv: str
    seq: int
    sender: str = ""
    body: str = ""
    client_msg_id: str = ""
    event: str = ""
    user: str = ""
    id: str = ""
    stamped_ms: int = 0
    sticker: str = ""


class Connected(_Value, frozen=True):
    """The server has accepted the user; pushes follow.

    `edge` names the node and `environment` its deployment colour. The client pings after `ping_ms`
    without a frame and gives the connection up `pong_ms` later. `heads` holds the last position of
    each conversation, behind which the pushes of this connection begin. `resumed` means that the
    server continues where the last connection ended and sends what was missed.
    """

    edge: str = ""
    environment: str = ""
    ping_ms: Number = 10_000
    pong_ms: Number = 5_000
    heads: Mapping[str, int] = {}
    resumed: bool = False


class Gap(_Value, frozen=True):
    """Positions `first` to `last` (inclusive) are not pushed on this connection."""

    conv: str
    first: int
    last: int


class ReconnectRequest(_Value, frozen=True):
    """The client must connect to `url` after `delay_ms`, and then close this connection."""

    url: str
    delay_ms: Number = 0
    deadline_ms: int = 0


class Heartbeat(_Value, frozen=True):
    """A heartbeat: the last positions of conversations, and the frame that answers it, if any."""

    heads: Mapping[str, int] = {}
    answer: bytes = b""


class Refused(_Value, frozen=True):
    """The reason for which the server is about to close the connection."""

    code: str
    message: str = ""


class SendFrames(_Value, frozen=True):
    """The protocol requires the client to send these frames now, for example in a handshake."""

    frames: Sequence[bytes]


class StartTls(_Value, frozen=True):
    """TCP: begin TLS on this connection now, and then send `frames`."""

    frames: Sequence[bytes] = ()


class Answer(_Value, frozen=True):
    """The `OverSocket` call with this ticket has ended; `value` is None if it was refused."""

    ticket: str
    value: Any


class Created(_Value, frozen=True):
    """The session has created something on the system that lasts: `gauntlet clean` removes it.

    `kind` is a word for the user, such as "stream" or "account", and `name` identifies the thing
    there. What already existed must not be reported.
    """

    kind: str
    name: str


class EventBatch(_Value, frozen=True):
    """All events of one frame, in order; empty for a frame without content for a client."""

    events: Sequence["Event"] = ()


Event = (
    Entry
    | Connected
    | Gap
    | ReconnectRequest
    | Heartbeat
    | Refused
    | SendFrames
    | StartTls
    | Answer
    | Created
    | EventBatch
)


# Calls, and what they return.


class Request(_Value, frozen=True):
    """An HTTP request.

    `path` begins with a slash and is requested from an address of the target, or it is a complete
    address, whose host must be allowed. A `token` becomes the header `Authorization: Bearer`, and a
    body is JSON unless `headers` names another Content-Type. With `timeout_s`, the request may
    take that long instead of the time that Gauntlet allows.
    """

    method: str
    path: str
    body: bytes = b""
    token: str = ""
    headers: Mapping[str, str] = {}
    timeout_s: float = 0.0


class Response(_Value, frozen=True):
    """An HTTP response; `retry_after_s` is 0 if the server requested no wait.

    `head` is the block of header lines as received.
    """

    status: int
    body: bytes
    retry_after_s: float = 0.0
    head: bytes = b""

    @property
    def headers(self) -> dict[str, str]:
        """The headers by lower-case name; repeated ones are joined, cookies by line breaks."""
        found: dict[str, str] = {}
        for line in self.head.decode("latin-1").split("\r\n"):
            name, colon, value = line.partition(":")
            name, value = name.strip().lower(), value.strip()
            if colon and name:
                separator = "\n" if name == "set-cookie" else ", "
                found[name] = f"{found[name]}{separator}{value}" if name in found else value
        return found


class OverHttp(_Value, Generic[T], frozen=True):
    """A call by HTTP. `read` returns its value, or raises ProtocolError if the call was refused."""

    request: Request
    read: Callable[[Response], T]


class OverSocket(_Value, Generic[T], frozen=True):
    """A call over the session's connection, which the event `Answer` with the same ticket ends.

    `frames` is empty if the codec keeps them until the connection is up again.
    """

    ticket: str
    frames: Sequence[bytes]


class Immediate(_Value, Generic[T], frozen=True):
    """A call that nothing answers: `frames` are sent, if any, and `value` is its outcome."""

    value: T
    frames: Sequence[bytes] = ()


Call = OverHttp[T] | OverSocket[T] | Immediate[T]

# What an adapter does before the load: a generator of groups of requests. The requests of a group
# are made concurrently, and the generator receives their responses in the same order.
Preparation = Generator[Sequence[Request], Sequence[Response], None]


class Sent(_Value, frozen=True):
    """The outcome of one attempt to send a message.

    `stored` is "yes" (at position `seq`), "no" (the attempt left nothing behind), "unknown", or
    "handed-over": the message has left, and the protocol has no acknowledgement. `temporary` means
    that the client may try again, after `retry_after_s` at the earliest.

    `conv`, `client_msg_id` and `id` are what the acknowledgement itself names, empty where it does
    not: they must be those of the message. `id` is the one that the server assigned. It is returned
    only where `Entry.id` in pushes and in the history is the same for every reader. `stamped_ms` is
    that of `Entry`.
    """

    stored: Literal["yes", "no", "unknown", "handed-over"]
    seq: int = 0
    temporary: bool = True
    retry_after_s: Number = 0.0
    conv: str = ""
    client_msg_id: str = ""
    id: str = ""
    stamped_ms: int = 0


class Page(_Value, frozen=True):
    """A part of a conversation's history, in ascending order.

    `head` is the last position of the conversation when the page was read. `more` means that the
    history continues after the page; it is required where there are no positions, or where a page
    may be shorter than the requested limit.
    """

    entries: Sequence[Entry]
    head: int = 0
    more: bool = False

    def continues(self, limit: int) -> bool:
        """Return whether the history continues after this page, which was read with `limit`."""
        return bool(self.entries) and (self.more or len(self.entries) >= limit)

    goes_on = continues  # its name in 0.1, kept for one release


class Contacts(_Value, frozen=True):
    """The names of those with whom a user has to do, as `befriend` and `block` have them.

    `incoming` have requested the friendship of the user, and `outgoing` were asked for theirs.
    `blocked` are blocked by the user, and appear in no other list.
    """

    friends: Sequence[str] = ()
    incoming: Sequence[str] = ()
    outgoing: Sequence[str] = ()
    blocked: Sequence[str] = ()


# Removing what a run has created (`gauntlet clean`).


class RunData(_Value, frozen=True):
    """What a run may have left behind on the system, as far as one user on one device knows.

    `conversations` are those of the user whose names contain the run's tag, so that nothing else
    can be in them, and `shared` are the others; both have the names of the members. `created` holds
    kind and name of everything that codecs of the run reported as `Created`. `owns_account` is
    whether the account was created by the run, and `wrote` whether a message body was.
    """

    conversations: Mapping[str, Sequence[str]] = {}
    shared: Mapping[str, Sequence[str]] = {}
    created: frozenset[tuple[str, str]] = frozenset()
    owns_account: bool = False
    wrote: Callable[[str], bool] = lambda _body: False


class Removed(_Value, frozen=True):
    """The outcome of a removal: how many there were; 0 if there was nothing, or nothing any more.

    `kept` is why something was left on purpose, and `problem` why it could not be removed.
    """

    count: int = 1
    kept: str = ""
    problem: str = ""


class Removal(_Value, frozen=True):
    """Something that can be removed. `begin` returns the call, once the user is connected.

    Several users may return the same kind and name, which is then removed once. `last` means that
    all other removals of the run come first.
    """

    kind: str
    name: str
    begin: Callable[[], Call[Removed]]
    last: bool = False


class Kept(_Value, frozen=True):
    """Something that the run has left on the system and the adapter cannot remove, and why."""

    kind: str
    name: str
    reason: str
