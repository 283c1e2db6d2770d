"""The packets of Socket.IO (protocol 5) in those of Engine.IO (protocol 4), as WebSocket text.

Only the namespace `/` and packets without binary attachments. python-socketio has the same codec,
but importing it also imports its clients, servers and message brokers
(docs/decisions/020-ids-of-centrifugo-and-socketio.md).
"""

import json
from enum import Enum
from typing import Any, NamedTuple


class Kind(Enum):
    """The kinds of packets by their first characters: of Engine.IO, and of Socket.IO in a `4`."""

    OPEN = "0"
    CLOSE = "1"
    PING = "2"
    PONG = "3"
    NOOP = "6"
    CONNECT = "40"
    DISCONNECT = "41"
    EVENT = "42"
    ACK = "43"
    CONNECT_ERROR = "44"


class Packet(NamedTuple):
    """A packet; `number` is the id of an event that is to be acknowledged, or was, or -1."""

    kind: Kind
    data: Any = None
    number: int = -1


PONG = Kind.PONG.value.encode()
_MESSAGE = "4"
_NUMBER_DIGITS_MAX = 15


def parse(frame: bytes) -> Packet:
    """Return the packet in a frame; ValueError if it is none of those above."""
    text = frame.decode()
    length = 2 if text.startswith(_MESSAGE) else 1
    kind, rest = Kind(text[:length]), text[length:]
    content = rest.lstrip("0123456789") if kind in (Kind.EVENT, Kind.ACK) else rest
    digits = rest[: len(rest) - len(content)]
    if len(digits) > _NUMBER_DIGITS_MAX:
        raise ValueError("the id of a packet is too long")
    return Packet(kind, json.loads(content) if content else None, int(digits) if digits else -1)


def connect(auth: dict[str, str]) -> bytes:
    """Return the packet with which a client connects."""
    return (Kind.CONNECT.value + _json(auth)).encode()


def event(name: str, *arguments: Any, number: int = -1) -> bytes:
    """Return an event, which is to be acknowledged if it has a number."""
    digits = str(number) if number >= 0 else ""
    return f"{Kind.EVENT.value}{digits}{_json([name, *arguments])}".encode()


def _json(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"))
