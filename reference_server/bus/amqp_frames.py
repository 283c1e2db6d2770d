"""The frames of AMQP 0-9-1, as far as the bus uses the protocol. Pure.

A frame has a type, a channel, the size of its payload, the payload, and a closing byte. A message
is sent as a method frame, a frame with its size and properties, and frames with parts of its body.
See "AMQP 0-9-1 Model Explained" and the XML specification at rabbitmq.com.
"""

import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

PROTOCOL_HEADER: Final = b"AMQP\x00\x00\x09\x01"
METHOD: Final = 1
HEADER: Final = 2
BODY: Final = 3
HEARTBEAT: Final = 8
FRAME_END: Final = 0xCE
OVERHEAD_BYTES: Final = 8  # of a frame around its payload

# Methods by class and number, as the first four bytes of their payload.
START: Final = 0x000A_000A
START_OK: Final = 0x000A_000B
TUNE: Final = 0x000A_001E
TUNE_OK: Final = 0x000A_001F
OPEN: Final = 0x000A_0028
OPEN_OK: Final = 0x000A_0029
CLOSE: Final = 0x000A_0032
CLOSE_OK: Final = 0x000A_0033
BLOCKED: Final = 0x000A_003C
UNBLOCKED: Final = 0x000A_003D
CHANNEL_OPEN: Final = 0x0014_000A
CHANNEL_OPEN_OK: Final = 0x0014_000B
CHANNEL_CLOSE: Final = 0x0014_0028
EXCHANGE_DECLARE: Final = 0x0028_000A
EXCHANGE_DECLARE_OK: Final = 0x0028_000B
QUEUE_DECLARE: Final = 0x0032_000A
QUEUE_DECLARE_OK: Final = 0x0032_000B
QUEUE_BIND: Final = 0x0032_0014
QUEUE_BIND_OK: Final = 0x0032_0015
CONSUME: Final = 0x003C_0014
CONSUME_OK: Final = 0x003C_0015
CANCEL: Final = 0x003C_001E
PUBLISH: Final = 0x003C_0028
RETURN: Final = 0x003C_0032
DELIVER: Final = 0x003C_003C
ACK: Final = 0x003C_0050
NACK: Final = 0x003C_0078
CONFIRM_SELECT: Final = 0x0055_000A
CONFIRM_SELECT_OK: Final = 0x0055_000B

_BASIC: Final = 60  # the class of messages, in their header
# Which properties a header has: the delivery mode and the id of the message.
_PROPERTIES: Final = 0x1080
_TRANSIENT: Final = 1
_HEAD = struct.Struct(">BHI")
_CONTENT = struct.Struct(">HHQHB")


class AmqpError(Exception):
    """The broker violates the protocol, refuses, or closes the connection."""


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    """Return a whole frame."""
    return _HEAD.pack(kind, channel, len(payload)) + payload + b"\xce"


def method(channel: int, which: int, arguments: bytes = b"") -> bytes:
    """Return the frame of a method."""
    return frame(METHOD, channel, which.to_bytes(4, "big") + arguments)


HEARTBEAT_FRAME = frame(HEARTBEAT, 0, b"")


def short(text: str) -> bytes:
    """Return a text of at most 255 bytes with its length."""
    data = text.encode()
    if len(data) > 255:
        raise AmqpError(f"a name of the bus has at most 255 bytes; got {text:.40}…")
    return bytes((len(data),)) + data


def long(data: bytes) -> bytes:
    """Return bytes with their length."""
    return len(data).to_bytes(4, "big") + data


def table(fields: Mapping[str, str | bool]) -> bytes:
    """Return named values with their length."""
    return long(b"".join([short(name) + _value(value) for name, value in fields.items()]))


def _value(value: str | bool) -> bytes:  # noqa: FBT001 - a value of a table
    if isinstance(value, bool):
        return b"t\x01" if value else b"t\x00"
    return b"S" + long(value.encode())


def start_ok(user: str, password: str) -> bytes:
    """Return the answer to `start`: who we are, and what we understand."""
    understood = table(
        {"publisher_confirms": True, "basic.nack": True, "consumer_cancel_notify": True}
    )
    product = short("product") + _value("gauntlet")
    properties = long(product + short("capabilities") + b"F" + understood)
    response = long(f"\0{user}\0{password}".encode())
    return method(0, START_OK, properties + short("PLAIN") + response + short("en_US"))


def tune_ok(frame_bytes_max: int, heartbeat_s: int) -> bytes:
    """Return the answer to `tune`: one channel, and the limits for frames and silence."""
    return method(0, TUNE_OK, struct.pack(">HIH", 1, frame_bytes_max, heartbeat_s))


def exchange_declare(channel: int, exchange: str, kind: str) -> bytes:
    """Return the declaration of an exchange that a restart of the broker ends."""
    arguments = b"\0\0" + short(exchange) + short(kind) + b"\0" + table({})
    return method(channel, EXCHANGE_DECLARE, arguments)


def queue_declare(channel: int, queue: str) -> bytes:
    """Return the declaration of a queue that ends with this connection."""
    exclusive_auto_delete = b"\x0c"
    arguments = b"\0\0" + short(queue) + exclusive_auto_delete + table({})
    return method(channel, QUEUE_DECLARE, arguments)


def queue_bind(channel: int, queue: str, exchange: str) -> bytes:
    """Return the request to deliver what an exchange receives to a queue as well."""
    arguments = b"\0\0" + short(queue) + short(exchange) + short("") + b"\0" + table({})
    return method(channel, QUEUE_BIND, arguments)


def consume(channel: int, queue: str) -> bytes:
    """Return the request for the messages of a queue, which are not acknowledged."""
    no_ack = b"\x02"
    arguments = b"\0\0" + short(queue) + short("") + no_ack + table({})
    return method(channel, CONSUME, arguments)


def close(reason: str = "") -> bytes:
    """Return the announcement that we close the connection."""
    return method(0, CLOSE, struct.pack(">H", 200) + short(reason) + b"\0\0\0\0")


def message(
    channel: int,
    exchange: str,
    key: str,
    body: bytes,
    number: int,
    frame_bytes_max: int,
    *,
    mandatory: bool,
) -> bytes:
    """Return all frames of one message; `number` is its id."""
    properties = short(str(number))
    header = _CONTENT.pack(_BASIC, 0, len(body), _PROPERTIES, _TRANSIENT) + properties
    parts = [_publish(channel, exchange, key, mandatory), frame(HEADER, channel, header)]
    size = frame_bytes_max - OVERHEAD_BYTES
    parts += [
        frame(BODY, channel, body[begin : begin + size]) for begin in range(0, len(body), size)
    ]
    return b"".join(parts)


@lru_cache(1024)
def _publish(channel: int, exchange: str, key: str, mandatory: bool) -> bytes:  # noqa: FBT001 - cached by position
    arguments = b"\0\0" + short(exchange) + short(key) + (b"\x01" if mandatory else b"\0")
    return method(channel, PUBLISH, arguments)


def body_size(header: bytes) -> int:
    """Return the size of the body that follows a header."""
    return int.from_bytes(header[4:12], "big")


def number_of(header: bytes) -> int:
    """Return the id of a message of ours, by its header; AmqpError if it is none."""
    try:
        _, _, _, properties, _ = _CONTENT.unpack_from(header)
        if properties != _PROPERTIES:
            raise AmqpError(f"the properties {properties:#06x} are none of ours")
        start = _CONTENT.size + 1
        return int(header[start : start + header[start - 1]])
    except (struct.error, ValueError, IndexError) as error:
        raise AmqpError(f"not the header of a message: {header[:40]!r}") from error


def read_tune(arguments: bytes) -> tuple[int, int]:
    """Return the largest frame that the broker accepts, and its heartbeat in seconds."""
    _, frame_bytes_max, heartbeat_s = struct.unpack_from(">HIH", arguments)
    return int(frame_bytes_max), int(heartbeat_s)


def read_close(arguments: bytes) -> str:
    """Return the code and the text with which the broker closes a channel or the connection."""
    code = int.from_bytes(arguments[:2], "big")
    return f"{code} {arguments[3 : 3 + arguments[2]].decode(errors='replace')}"
