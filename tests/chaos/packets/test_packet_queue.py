"""What is read of the packets of a queue."""

import errno
import struct

import pytest

from gauntlet.chaos.packets import packet_queue
from gauntlet.chaos.packets.netlink import NetlinkError, attribute, attributes
from gauntlet.chaos.packets.packet_queue import Packet, PacketQueue


def tcp(length, flags=0x18, options=12):
    """Return a header of TCP; its data is left out, as the kernel does."""
    offset = (20 + options) // 4 << 4
    return struct.pack(">HHIIBB", 5001, 5002, 77, 0, offset, flags).ljust(20 + options, b"\0")


def ipv4(payload, length, protocol=6, options=0):
    start = struct.pack(">BBH", 0x45 + options // 4, 0, 20 + options + len(payload) + length)
    return (
        (start.ljust(9, b"\0") + bytes([protocol])).ljust(12, b"\0")
        + b"srcAdstB"
        + bytes(options)
        + payload
    )


def ipv6(payload, length, protocol=6):
    start = struct.pack(">IHBB", 0x60000000, len(payload) + length, protocol, 64)
    return start + b"s" * 16 + b"d" * 16 + payload


def parse(data):
    """Return the packet as it is read from the attributes of a message."""
    header = attribute(1, struct.pack(">IHB", 9, 0x0800, 1))
    return packet_queue._parse(attributes(header + attribute(10, data)))


PORTS = struct.pack(">HH", 5001, 5002)


@pytest.mark.parametrize("length", [0, 1, 1448, 60_000])
def test_the_connection_and_the_length_of_packets_of_tcp_are_read(length):
    assert parse(ipv4(tcp(length), length)) == Packet(9, b"srcAdstB" + PORTS, 77, length)
    assert parse(ipv4(tcp(length), length, options=8)).length == length
    assert parse(ipv6(tcp(length), length)) == (9, b"s" * 16 + b"d" * 16 + PORTS, 77, length)


def test_the_end_of_a_stream_counts_as_one_byte():
    assert parse(ipv4(tcp(0, flags=0x11), 0)).length == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x45",
        ipv4(tcp(0), 0)[:30],
        ipv4(tcp(0), 0, protocol=17),
        ipv6(tcp(0), 0, 17),
        b"\0" * 80,
    ],
)
def test_what_is_not_tcp_or_cut_off_has_no_connection(data):
    assert parse(data) == Packet(9)


class Kernel:
    """Refuses as many queues as a test says, and records what is configured."""

    def __init__(self, refusals, code):
        self.refusals, self.code, self.messages, self.closed = refusals, code, [], 0

    def __call__(self):
        return self

    def set_option(self, *_option):
        pass

    def call(self, messages):
        if self.refusals:
            self.refusals -= 1
            raise NetlinkError(self.code)
        self.messages += messages

    def close(self):
        self.closed += 1


def test_a_number_that_another_process_has_is_replaced(monkeypatch):
    kernel = Kernel(2, errno.EBUSY)
    monkeypatch.setattr(packet_queue, "Netlink", kernel)
    queue = PacketQueue()
    assert {message.target for message in kernel.messages} == {queue.number}
    assert 1024 <= queue.number <= 65_535
    assert kernel.closed == 0


@pytest.mark.parametrize(
    ("code", "reason"), [(errno.EPERM, "it takes root"), (errno.EOPNOTSUPP, "not supported")]
)
def test_a_kernel_that_refuses_every_queue_is_a_reason_and_nothing_is_left(
    monkeypatch, code, reason
):
    kernel = Kernel(100, code)
    monkeypatch.setattr(packet_queue, "Netlink", kernel)
    with pytest.raises(NetlinkError, match=reason):
        PacketQueue()
    assert kernel.closed == 1
