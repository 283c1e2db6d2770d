"""Rules of nftables that pass the packets of ports on loopback to a queue.

The table belongs to the socket by which it was made. So the kernel removes it when the process of
that socket ends, whatever happens. Newer kernels queue by an expression of nftables, and all that
have iptables by its target NFQUEUE: what the first lacks, the other may have.
"""

import errno
import struct
from collections.abc import Callable, Sequence

from gauntlet.chaos.packets.netlink import (
    ACKNOWLEDGE,
    APPEND,
    CREATE,
    Message,
    Netlink,
    NetlinkError,
    attribute,
    nested,
    text,
)

_SUBSYSTEM = 10
_NEW_TABLE, _GET_TABLE, _NEW_CHAIN, _NEW_RULE = (_SUBSYSTEM << 8 | kind for kind in (0, 1, 3, 6))
_BEGIN, _END = Message(16, target=_SUBSYSTEM), Message(17, target=_SUBSYSTEM)
_BOTH_VERSIONS_OF_IP = 1  # the family `inet`
_OWNED = 2  # the flag of a table that belongs to its socket
_AT_INPUT, _AFTER_THE_PACKET_FILTER = 1, -149
_CHAIN = "reorder"
_OF_INTERFACE, _OF_PROTOCOL = 6, 16  # what the expression `meta` reads
_SOURCE_PORT, _DESTINATION_PORT = 0, 2  # offsets in the header of TCP
_TCP = b"\x06"
_LOOPBACK = b"lo".ljust(16, b"\0")
_BYPASS = 1  # without a listener the packets pass
_UNKNOWN = frozenset({errno.ENOENT, errno.EOPNOTSUPP})


def add(owner: Netlink, table: str, ports: Sequence[int], queue: int) -> None:
    """Add a table with rules for each port; NetlinkError if the kernel cannot."""
    try:
        owner.call(_commands(table, ports, _by_expression(queue)))
    except NetlinkError as error:
        if error.code not in _UNKNOWN:
            raise
        owner.call(_commands(table, ports, _by_target(queue)))


def exists(table: str) -> bool:
    """Return whether the kernel has a table of this name."""
    message = Message(_GET_TABLE, ACKNOWLEDGE, _BOTH_VERSIONS_OF_IP, body=attribute(1, text(table)))
    with Netlink() as asking:
        try:
            asking.call([message])
        except NetlinkError as error:
            if error.code == errno.ENOENT:
                return False
            raise
    return True


def _commands(table: str, ports: Sequence[int], verdict: bytes) -> list[Message]:
    name = attribute(1, text(table))
    hook = nested(
        4,
        attribute(1, struct.pack(">I", _AT_INPUT)),
        attribute(2, struct.pack(">i", _AFTER_THE_PACKET_FILTER)),
    )
    chain = name + attribute(3, text(_CHAIN)) + hook + attribute(7, text("filter"))
    rules = [
        name + attribute(2, text(_CHAIN)) + nested(4, *_of_port(offset, port), verdict)
        for port in ports
        for offset in (_SOURCE_PORT, _DESTINATION_PORT)
    ]
    new = _new()
    return [
        _BEGIN,
        new(_NEW_TABLE, name + attribute(2, struct.pack(">I", _OWNED))),
        new(_NEW_CHAIN, chain),
        *(new(_NEW_RULE, rule) for rule in rules),
        _END,
    ]


def _new() -> Callable[[int, bytes], Message]:
    flags = ACKNOWLEDGE | CREATE | APPEND
    return lambda kind, body: Message(kind, flags, _BOTH_VERSIONS_OF_IP, body=body)


def _of_port(offset: int, port: int) -> tuple[bytes, ...]:
    """Return the expressions that only packets of TCP with this port on loopback pass."""
    return (
        _read_meta(_OF_INTERFACE),
        _is_equal(_LOOPBACK),
        _read_meta(_OF_PROTOCOL),
        _is_equal(_TCP),
        _read_port(offset),
        _is_equal(struct.pack(">H", port)),
    )


# Each expression uses the register 1.
_REGISTER = struct.pack(">I", 1)


def _expression(name: str, *values: bytes) -> bytes:
    return nested(1, attribute(1, text(name)), nested(2, *values))


def _read_meta(what: int) -> bytes:
    return _expression("meta", attribute(2, struct.pack(">I", what)), attribute(1, _REGISTER))


def _read_port(offset: int) -> bytes:
    in_transport_header, size = 2, 2
    values = (in_transport_header, offset, size)
    return _expression(
        "payload",
        attribute(1, _REGISTER),
        *(attribute(kind, struct.pack(">I", value)) for kind, value in enumerate(values, start=2)),
    )


def _is_equal(value: bytes) -> bytes:
    equal = struct.pack(">I", 0)
    return _expression(
        "cmp", attribute(1, _REGISTER), attribute(2, equal), nested(3, attribute(1, value))
    )


def _by_expression(queue: int) -> bytes:
    values = (queue, 1, _BYPASS)
    return _expression(
        "queue",
        *(attribute(kind, struct.pack(">H", value)) for kind, value in enumerate(values, start=1)),
    )


def _by_target(queue: int) -> bytes:
    version = struct.pack(">I", 3)
    info = struct.pack("=HHHH", queue, 1, _BYPASS, 0)
    return _expression(
        "target", attribute(1, text("NFQUEUE")), attribute(2, version), attribute(3, info)
    )
