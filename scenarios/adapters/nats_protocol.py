"""The client protocol of NATS: cuts messages out of bytes, and writes commands. Pure.

https://docs.nats.io/reference/reference-protocols/nats-protocol describes it. There is no Sans-I/O
library of it; the protocol is small and stable.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gauntlet.scenarios.adapters.base import ProtocolError

PING, PONG = b"PING\r\n", b"PONG\r\n"
_LINE_BYTES_MAX = 4096 * 16  # INFO lists the addresses of a cluster
_VERSION = b"NATS/1.0"


class Message(NamedTuple):
    """A received message; `status` is that of its headers, or "" if they have none."""

    subject: str
    reply: str
    headers: Mapping[str, str]
    body: bytes
    status: str = ""


class Control(NamedTuple):
    """Anything else that a server sends: `INFO`, `PING`, `PONG`, `+OK` or `-ERR`."""

    verb: str
    argument: str


def parse(buffer: bytes) -> Iterator[tuple[Message | Control, int]]:
    """Yield what is complete, each with the number of bytes up to its end; ProtocolError."""
    at = 0
    while (end := buffer.find(b"\r\n", at)) >= 0:
        verb, _, argument = buffer[at:end].partition(b" ")
        after = end + 2
        match verb.upper():
            case b"MSG" | b"HMSG":
                found = _message(buffer, argument, after, has_headers=verb.upper() == b"HMSG")
                if found is None:
                    return
                message, at = found
                yield message, at
            case b"INFO" | b"PING" | b"PONG" | b"+OK" | b"-ERR":
                at = after
                text = argument.decode(errors="replace").strip()
                yield Control(verb.upper().decode(), text), at
            case _:
                raise ProtocolError(f"NATS has no message {buffer[at:end][:40]!r}")
    _check_beginning(buffer[at:])


def _check_beginning(rest: bytes) -> None:
    """Raise ProtocolError if an incomplete line cannot become a message."""
    verbs = (b"MSG ", b"HMSG ", b"INFO ", b"PING\r\n", b"PONG\r\n", b"+OK\r\n", b"-ERR ")
    known = any(rest.startswith(verb) or verb.startswith(rest) for verb in verbs)
    if len(rest) > _LINE_BYTES_MAX or not known:
        raise ProtocolError(f"NATS has no message {rest[:40]!r}")


def _message(
    buffer: bytes, argument: bytes, at: int, *, has_headers: bool
) -> tuple[Message, int] | None:
    """Return a message and its end; None if it is incomplete."""
    sizes = 2 if has_headers else 1
    words = argument.split()
    try:
        head_bytes = int(words[-2]) if has_headers else 0
        total_bytes = int(words[-1])
        subject, reply = words[0].decode(), (words[2].decode() if len(words) == 3 + sizes else "")
    except (IndexError, ValueError) as error:
        raise ProtocolError(f"NATS has no message with {argument[:40]!r}") from error
    if not 0 <= head_bytes <= total_bytes:
        raise ProtocolError(f"a NATS message with the sizes {head_bytes} and {total_bytes}")
    end = at + total_bytes
    if len(buffer) < end + 2:
        return None
    if buffer[end : end + 2] != b"\r\n":
        raise ProtocolError("a NATS message does not end where it says")
    status, headers = _headers(buffer[at : at + head_bytes])
    return Message(subject, reply, headers, buffer[at + head_bytes : end], status), end + 2


def _headers(block: bytes) -> tuple[str, dict[str, str]]:
    lines = block.decode(errors="replace").split("\r\n")
    pairs = (line.partition(":") for line in lines[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    words = lines[0].split()
    return (words[1] if len(words) > 1 else ""), headers


def connect(options: Mapping[str, Any]) -> bytes:
    """Return CONNECT with its options."""
    return b"CONNECT %s\r\n" % json.dumps(options).encode()


def subscribe(subject: str, number: int) -> bytes:
    """Return SUB; `number` identifies the subscription."""
    return f"SUB {subject} {number}\r\n".encode()


def publish(
    subject: str, body: bytes = b"", reply: str = "", headers: Mapping[str, str] | None = None
) -> bytes:
    """Return PUB, or HPUB if there are headers, whose values must not contain line breaks."""
    words = f"{subject} {reply}" if reply else subject
    if not headers:
        return b"PUB %s %d\r\n%s\r\n" % (words.encode(), len(body), body)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    block = b"%s\r\n%s\r\n" % (_VERSION, lines.encode())
    sizes = (len(block), len(block) + len(body))
    return b"HPUB %s %d %d\r\n%s%s\r\n" % (words.encode(), *sizes, block, body)


def read_json(text: str | bytes) -> dict[str, Any]:
    """Return a JSON object of the server; ProtocolError if it is none."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ProtocolError(f"NATS sent no JSON: {text[:40]!r}") from error
    if not isinstance(value, dict):
        raise ProtocolError(f"NATS sent no JSON object: {text[:40]!r}")
    return value
