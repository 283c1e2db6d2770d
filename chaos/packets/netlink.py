"""Messages to the kernel's netfilter (`linux/netfilter/nfnetlink.h`), and its answers."""

import errno
import os
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple, Self

from gauntlet.core.errors import StackError

REQUEST, ACKNOWLEDGE, CREATE, APPEND = 1, 4, 0x400, 0x800
_NESTED = 0x8000
_ERROR = 2  # the type of an answer: 0 for a success, or a negative number
_FAMILY = 12  # NETLINK_NETFILTER
_HEADER = struct.Struct("=IHHII")  # length, type, flags, number, port
_GENERIC = struct.Struct("=BBH")  # family, version, a number in the order of the network
_ATTRIBUTE = struct.Struct("=HH")
_TIMEOUT_S = 10.0
_READ_BYTES = 1 << 17


class NetlinkError(StackError):
    """The kernel refused a message; `code` says why."""

    def __init__(self, code: int) -> None:
        reason = os.strerror(code)
        if code == errno.EPERM:
            reason += " (it takes root, or CAP_NET_ADMIN)"
        super().__init__(reason)
        self.code = code


class Message(NamedTuple):
    """A message of a subsystem; `target` is the number of a queue or of another subsystem."""

    type: int
    flags: int = 0
    family: int = 0
    target: int = 0
    body: bytes = b""

    def encode(self, number: int) -> bytes:
        """Return the message as bytes."""
        generic = _GENERIC.pack(self.family, 0, socket.htons(self.target))
        size = _HEADER.size + len(generic) + len(self.body)
        header = _HEADER.pack(size, self.type, self.flags | REQUEST, number, 0)
        return header + generic + self.body


def attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute, padded to a multiple of four bytes."""
    size = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(size, kind) + value + bytes(-size % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """Return an attribute that holds others."""
    return attribute(kind | _NESTED, b"".join(attributes))


def text(value: str) -> bytes:
    """Return a string as attributes have it."""
    return value.encode() + b"\0"


def attributes(data: bytes) -> dict[int, bytes]:
    """Return the values of the attributes of a message by their kind."""
    found, start = {}, 0
    while start + _ATTRIBUTE.size <= len(data):
        size, kind = _ATTRIBUTE.unpack_from(data, start)
        found[kind & ~_NESTED] = data[start + _ATTRIBUTE.size : start + size]
        start += max(size + 3 & ~3, _ATTRIBUTE.size)
    return found


class Netlink:
    """A socket to netfilter. What belongs to it is removed by the kernel when it is closed."""

    def __init__(self) -> None:
        """Open the socket; StackError where there is no netfilter."""
        if sys.platform != "linux":
            raise StackError("only Linux has netfilter")
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _FAMILY)
            self._socket.bind((0, 0))
        except OSError as error:
            raise StackError(f"this kernel has no netfilter: {error}") from error
        self._numbers = count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def fileno(self) -> int:
        """Return the descriptor, for `select`."""
        return self._socket.fileno()

    def set_option(self, level: int, name: int, value: int) -> None:
        """Set an option of the socket."""
        self._socket.setsockopt(level, name, value)

    def call(self, messages: Sequence[Message]) -> None:
        """Send messages together, and wait for the answer to each that asks for one.

        Raises NetlinkError for the first that the kernel refuses.
        """
        self._socket.settimeout(_TIMEOUT_S)
        numbered = [(next(self._numbers), message) for message in messages]
        self._socket.send(b"".join(message.encode(number) for number, message in numbered))
        expected = {number for number, message in numbered if message.flags & ACKNOWLEDGE}
        while expected:
            try:
                data = self._socket.recv(_READ_BYTES)
            except TimeoutError as error:
                raise StackError("the kernel does not answer") from error
            for kind, number, body in _split(data):
                if kind != _ERROR or number not in expected:
                    continue
                expected.discard(number)
                if code := struct.unpack_from("=i", body)[0]:
                    raise NetlinkError(-code)

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages that are not answered."""
        self._socket.send(b"".join(message.encode(next(self._numbers)) for message in messages))

    def received(self) -> list[tuple[int, dict[int, bytes]]]:
        """Return the type and the attributes of what has arrived; does not wait."""
        self._socket.setblocking(False)
        try:
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return []
        return [(kind, attributes(body[_GENERIC.size :])) for kind, _, body in _split(data)]


def _split(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield the type, the number and the body of each message."""
    start = 0
    while start + _HEADER.size <= len(data):
        size, kind, _, number, _ = _HEADER.unpack_from(data, start)
        yield kind, number, data[start + _HEADER.size : start + size]
        start += max(size + 3 & ~3, _HEADER.size)
