"""A queue of packets that wait in the kernel for a verdict (`nfnetlink_queue.h`)."""

import errno
import secrets
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gauntlet.chaos.packets.netlink import ACKNOWLEDGE, Message, Netlink, NetlinkError, attribute

_SUBSYSTEM = 3
_PACKET, _VERDICT, _CONFIGURE = (_SUBSYSTEM << 8 | kind for kind in (0, 1, 2))
_BIND, _COPY_PACKET, _ACCEPT = 1, 2, 1
_HEADER_BYTES = 120  # the longest headers of IPv4 and TCP; of IPv6, without its extensions, too
_LENGTH_MAX = 8192
# A queue that is full, or a reader that is late, lets packets pass; segments are not split.
_OPTIONS = 0b101
_BUFFER_BYTES = 1 << 22
_NETLINK_LEVEL, _NO_BUFFER_ERRORS = 270, 5
_FIRST_NUMBER, _LAST_NUMBER = 1024, 65_535
_TRIES = 5
_IPV4, _IPV6, _TCP, _FIN = 4, 6, 6, 0x01
_IPV6_HEADER_BYTES = 40


class Packet(NamedTuple):
    """A packet that waits; `connection` includes its direction, and `length` counts a FIN as 1.

    The connection is empty, and the length is 0, if it is not TCP.
    """

    id: int
    connection: bytes = b""
    seq: int = 0
    length: int = 0


class PacketQueue:
    """A queue of this process; its `number` is one that no other has."""

    def __init__(self) -> None:
        """Open the queue; StackError if the kernel cannot, or does not let this process."""
        self._netlink = Netlink()
        try:
            self._netlink.set_option(_NETLINK_LEVEL, _NO_BUFFER_ERRORS, 1)
            self._netlink.set_option(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            self.number = self._open()
        except BaseException:
            self._netlink.close()
            raise

    def close(self) -> None:
        """Close the queue; the kernel drops what waits in it."""
        self._netlink.close()

    def fileno(self) -> int:
        """Return the descriptor, for `select`."""
        return self._netlink.fileno()

    def packets(self) -> Iterator[Packet]:
        """Yield the packets that have arrived; does not wait."""
        while received := self._netlink.received():
            for kind, values in received:
                if kind == _PACKET:
                    yield _parse(values)

    def accept(self, ids: Sequence[int]) -> None:
        """Let packets go on, in this order."""
        if ids:
            self._netlink.send([self._verdict(each) for each in ids])

    def _open(self) -> int:
        for _ in range(_TRIES):
            number = _FIRST_NUMBER + secrets.randbelow(_LAST_NUMBER - _FIRST_NUMBER + 1)
            try:
                self._configure(number)
            except NetlinkError as error:
                # The queue of another process is refused like a process without rights.
                refused = error
                if error.code not in (errno.EPERM, errno.EBUSY):
                    break
            else:
                return number
        raise refused

    def _configure(self, number: int) -> None:
        bind = attribute(1, struct.pack(">BBH", _BIND, 0, socket.AF_UNSPEC))
        copy = attribute(2, struct.pack(">IB", _HEADER_BYTES, _COPY_PACKET))
        length = attribute(3, struct.pack(">I", _LENGTH_MAX))
        options = struct.pack(">I", _OPTIONS)
        for body in (bind, copy, length + attribute(4, options) + attribute(5, options)):
            self._netlink.call([Message(_CONFIGURE, ACKNOWLEDGE, target=number, body=body)])

    def _verdict(self, each: int) -> Message:
        body = attribute(2, struct.pack(">II", _ACCEPT, each))
        return Message(_VERDICT, target=self.number, body=body)


def _parse(values: dict[int, bytes]) -> Packet:
    (number,) = struct.unpack_from(">I", values[1])
    data = values.get(10, b"")
    try:
        connection, seq, length = _headers(data)
    except (struct.error, IndexError):
        return Packet(number)
    return Packet(number, connection, seq, length)


def _headers(data: bytes) -> tuple[bytes, int, int]:
    """Return the connection, the sequence number and the length; of a packet of TCP only."""
    version = data[0] >> 4
    if version == _IPV4:
        start, protocol = 4 * (data[0] & 0xF), data[9]
        (total,) = struct.unpack_from(">H", data, 2)
        addresses = data[12:20]
    elif version == _IPV6:
        start, protocol = _IPV6_HEADER_BYTES, data[6]
        total = start + struct.unpack_from(">H", data, 4)[0]
        addresses = data[8:40]
    else:
        return b"", 0, 0
    if protocol != _TCP:
        return b"", 0, 0
    ports, seq, _, offset, flags = struct.unpack_from(">4sIIBB", data, start)
    length = total - start - 4 * (offset >> 4) + (flags & _FIN)
    return addresses + ports, seq, max(0, length)
