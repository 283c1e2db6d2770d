"""The typed values of the protocol: frames, entries and bus batches. Pure.

`docs/reference/protocol.md` defines them; `tests/golden/frames/` checks this module against it.
"""

import re
from enum import IntEnum
from functools import lru_cache
from typing import Annotated, TypeVar

import msgspec

SUBPROTOCOL = "im.v1.json"
DIRECT_CHARS_MAX = 131  # length of a direct conversation's id: "d", two dots and two users
HEADS_MAX = 1_000  # in one frame and in one page of a list; the next one has the others
# Of a client's frame. The largest is `connect`, for which `HEADS_MAX` cursors are enough. There is
# room for those of all rooms that a user may be in (`append_plan.ROOMS_MAX`).
FRAME_BYTES_MAX = 524_288

_DIRECT = re.compile(r"d\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{1,64})")
_ROOM = re.compile(r"r\.[A-Za-z0-9_-]{1,64}")

Seq = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Close(IntEnum):
    """WebSocket close codes; 4000-4499 ask the client to reconnect, 4500-4999 never to."""

    NORMAL = 1000
    RESTARTING = 1012
    OVERLOAD = 1013
    SLOW_CONSUMER = 4008
    HEARTBEAT_LOST = 4009
    IDLE = 4010
    BAD_FRAME = 4500
    UNAUTHORIZED = 4501
    FLOOD = 4502


class WireError(ValueError):
    """Received data violates the protocol; `code` is the close code to answer with."""

    def __init__(self, message: str, code: Close = Close.BAD_FRAME) -> None:
        super().__init__(message)
        self.code = code


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """The entry at one position of a conversation: a message or a room event.

    `ts` is in milliseconds since the epoch.
    """

    conv: str
    seq: int
    type: str  # "msg" | "sticker" (the body is its reference) | "room"
    ts: int
    msg_id: str = ""
    client_msg_id: str = ""
    sender: str = ""
    body: str = ""
    event: str = ""  # "added" | "removed" | "entered" | "exited"
    user: str = ""


class EntryPage(msgspec.Struct, frozen=True):
    """The result of an internal range read: ascending entries, and the head."""

    entries: list[Entry]
    head: int


class HistoryMsg(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="msg"):
    """A message as clients read it from history; a sticker has an empty body."""

    seq: int
    msg_id: str
    client_msg_id: str
    sender: str
    body: str
    ts: int
    sticker: str = ""


class HistoryRoom(msgspec.Struct, frozen=True, tag_field="type", tag="room"):
    """A room event as clients read it from history."""

    seq: int
    event: str
    user: str
    ts: int


class Connect(msgspec.Struct, frozen=True):
    """The first frame of a client: its token and its cursor in each conversation."""

    token: str
    device: str
    cursors: dict[str, Seq] = {}


class Ack(msgspec.Struct, frozen=True):
    """Everything up to `seq` was presented to the user."""

    conv: str
    seq: Seq


class Room(msgspec.Struct, frozen=True):
    """The room of an `enter` or `exit`."""

    conv: Annotated[str, msgspec.Meta(pattern=rf"^{_ROOM.pattern}\Z")]


class Empty(msgspec.Struct, frozen=True):
    """A frame without fields."""


class ClientFrame(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A frame from a client: exactly one field is set."""

    connect: Connect | None = None
    ack: Ack | None = None
    enter: Room | None = None
    exit: Room | None = None
    leave: Empty | None = None
    ping: Empty | None = None
    pong: Empty | None = None


class Connected(msgspec.Struct, frozen=True):
    """The end of the handshake; pushes of each conversation follow after its head.

    The heads of conversations beyond `HEADS_MAX` precede this frame in frames of their own.
    """

    client: str
    ping_ms: int
    pong_ms: int
    heads: dict[str, int]


class Msg(msgspec.Struct, frozen=True, omit_defaults=True):
    """A pushed message; a sticker has an empty body."""

    conv: str
    seq: int
    msg_id: str
    client_msg_id: str
    sender: str
    body: str
    ts: int
    sticker: str = ""


class RoomEvent(msgspec.Struct, frozen=True):
    """A pushed room event."""

    conv: str
    seq: int
    event: str
    user: str
    ts: int


class Gap(msgspec.Struct, frozen=True, rename={"first": "from", "last": "to"}):
    """Positions `first..last` (inclusive) are not pushed on this connection."""

    conv: str
    first: int
    last: int


class Reconnect(msgspec.Struct, frozen=True):
    """Asks the client to connect to `url` after `delay_ms` and then to close this connection.

    The server closes it at `deadline_ms`. Both times count from the arrival of the frame.
    """

    url: str
    delay_ms: int
    deadline_ms: int
    reason: str


class Heads(msgspec.Struct, frozen=True):
    """Heads of conversations: of those that changed recently, or of some before `Connected`."""

    heads: dict[str, int] = {}


class Failure(msgspec.Struct, frozen=True):
    """The reason why the server is about to close the connection."""

    code: str
    message: str


class ServerFrame(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A frame from the server: exactly one field is set."""

    heads: Heads | None = None
    connected: Connected | None = None
    msg: Msg | None = None
    room: RoomEvent | None = None
    gap: Gap | None = None
    reconnect: Reconnect | None = None
    ping: Heads | None = None
    pong: Heads | None = None
    error: Failure | None = None


Frame = TypeVar("Frame", ClientFrame, ServerFrame)
# What decoding raises: text may be no UTF-8, and values may be nested without end.
_INVALID = (msgspec.DecodeError, UnicodeError, RecursionError)

_encoder = msgspec.json.Encoder()
_client_decoder = msgspec.json.Decoder(ClientFrame)
_server_decoder = msgspec.json.Decoder(ServerFrame)
_batch_encoder = msgspec.msgpack.Encoder()
_batch_decoder = msgspec.msgpack.Decoder(list[Entry])


def encode(frame: ClientFrame | ServerFrame) -> bytes:
    """Return a frame as UTF-8 JSON, for one WebSocket text message."""
    return _encoder.encode(frame)


def decode_client(data: bytes | str) -> ClientFrame:
    """Decode a client's frame: one JSON object with exactly one known key, else WireError."""
    return _decode(_client_decoder, data)


def decode_server(data: bytes | str) -> ServerFrame:
    """Decode a server's frame: one JSON object with exactly one known key, else WireError."""
    return _decode(_server_decoder, data)


def encode_push(entry: Entry) -> bytes:
    """Return the `msg` or `room` frame that pushes an entry, the same for every recipient."""
    if entry.type == "room":
        event = RoomEvent(entry.conv, entry.seq, entry.event, entry.user, entry.ts)
        return encode(ServerFrame(room=event))
    return encode(ServerFrame(msg=Msg(entry.conv, *_message_fields(entry))))


def history_view(entry: Entry) -> HistoryMsg | HistoryRoom:
    """Return an entry as in the public history: without `conv`, and with its empty fields."""
    if entry.type == "room":
        return HistoryRoom(entry.seq, entry.event, entry.user, entry.ts)
    return HistoryMsg(*_message_fields(entry))


def _message_fields(entry: Entry) -> tuple[int, str, str, str, str, int, str]:
    body, sticker = ("", entry.body) if entry.type == "sticker" else (entry.body, "")
    return entry.seq, entry.msg_id, entry.client_msg_id, entry.sender, body, entry.ts, sticker


def encode_batch(entries: list[Entry]) -> bytes:
    """Return a bus message with these entries, which are in the order of their commits."""
    return _batch_encoder.encode(entries)


def decode_batch(data: bytes) -> list[Entry]:
    """Return the entries of a bus message; WireError if it is invalid."""
    try:
        return _batch_decoder.decode(data)
    except _INVALID as error:
        raise WireError(f"{error!s:.200}") from error


@lru_cache(8192)
def direct_members(conv: str) -> tuple[str, str] | None:
    """Return the two members in the id of a direct conversation; None for any other text.

    Callers limit the length of ids that come from clients, because the results are cached.
    """
    match = _DIRECT.fullmatch(conv)
    return (match[1], match[2]) if match and match[1] < match[2] else None


def is_room(conv: str) -> bool:
    """Return whether this is the id of a room."""
    return _ROOM.fullmatch(conv) is not None


def _decode(decoder: msgspec.json.Decoder[Frame], data: bytes | str) -> Frame:
    try:
        frame = decoder.decode(data)
    except _INVALID as error:
        raise WireError(f"{error!s:.200}") from error
    keys = sum(getattr(frame, name) is not None for name in frame.__struct_fields__)
    if keys != 1:
        raise WireError(f"a frame must have exactly one key; got {keys}")
    return frame
