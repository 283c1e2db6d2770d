"""How messages to the kernel are written, and what its answers mean."""

import errno
import socket
import struct
import sys

import pytest

from gauntlet.chaos.packets import netlink
from gauntlet.chaos.packets.netlink import ACKNOWLEDGE, Message, Netlink, NetlinkError
from gauntlet.core.errors import StackError


def test_a_message_is_written_as_nfnetlink_reads_it():
    body = netlink.attribute(1, b"abcde")
    written = Message(0x0A06, ACKNOWLEDGE, family=1, target=10, body=body).encode(7)
    expected = struct.pack("=IHHII", 32, 0x0A06, 5, 7, 0) + b"\x01\x00" + struct.pack(">H", 10)
    assert written == expected + struct.pack("=HH", 9, 1) + b"abcde\0\0\0"


def test_attributes_are_read_as_they_are_written():
    inner = netlink.attribute(3, b"xyz")
    data = netlink.attribute(1, b"") + netlink.nested(2, inner, inner) + netlink.attribute(5, b"v")
    assert netlink.attributes(data) == {1: b"", 2: 2 * inner, 5: b"v"}
    assert netlink.text("lo") == b"lo\0"


@pytest.mark.parametrize("data", [b"\0", bytes(4), bytes(9), b"\xff\xff\x01\x00ab"])
def test_damaged_attributes_do_not_stop_the_reader(data):
    netlink.attributes(data)


class Socket:
    """A socket of a kernel that answers as a test says."""

    def __init__(self, *answers):
        self.answers, self.sent, self.is_closed = list(answers), [], False

    def __call__(self, *_kind):
        return self

    def bind(self, _address):
        pass

    def settimeout(self, timeout_s):
        self.timeout_s = timeout_s

    def setblocking(self, is_blocking):
        self.timeout_s = None if is_blocking else 0

    def send(self, data):
        self.sent.append(data)

    def recv(self, _size):
        if not self.answers:
            raise TimeoutError if self.timeout_s else BlockingIOError
        return self.answers.pop(0)

    def close(self):
        self.is_closed = True


def answer(number, code=0, kind=2):
    """Return the answer to a message: a success, or an error."""
    body = struct.pack("=i", -code) + bytes(16)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, number, 0) + body


@pytest.fixture
def kernel(monkeypatch):
    """Open a socket to a kernel that answers in this way."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(socket, "AF_NETLINK", 16, raising=False)

    def answering(*answers):
        monkeypatch.setattr(netlink.socket, "socket", Socket(*answers))
        return Netlink()

    return answering


CALL = Message(1, ACKNOWLEDGE)


def test_a_call_waits_for_the_answer_to_each_message_that_asks_for_one(kernel):
    opened = kernel(answer(99, errno.EINVAL) + answer(1), answer(1, kind=3) + answer(3))
    opened.call([CALL, Message(2), CALL])
    assert len(opened._socket.sent) == 1
    assert opened._socket.answers == []


def test_the_first_error_is_raised_with_its_reason(kernel):
    opened = kernel(answer(1) + answer(2, errno.ENOENT))
    with pytest.raises(NetlinkError, match="No such file") as raised:
        opened.call([CALL, CALL])
    assert raised.value.code == errno.ENOENT


def test_a_process_without_rights_is_told_what_it_takes(kernel):
    with pytest.raises(NetlinkError, match=r"it takes root, or CAP_NET_ADMIN"):
        kernel(answer(1, errno.EPERM)).call([CALL])


def test_a_kernel_that_does_not_answer_is_an_error(kernel):
    with pytest.raises(StackError, match="does not answer"):
        kernel().call([CALL])


def test_what_has_not_arrived_is_not_waited_for(kernel):
    body = bytes(4) + netlink.attribute(1, b"x")
    packet = struct.pack("=IHHII", 16 + len(body), 0x0300, 0, 0, 0) + body
    opened = kernel(2 * packet)
    assert opened.received() == 2 * [(0x0300, {1: b"x"})]
    assert opened.received() == []


def test_a_system_without_netfilter_is_a_reason(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(StackError, match="only Linux has netfilter"):
        Netlink()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(socket, "AF_NETLINK", 16, raising=False)

    def refuse(*_kind):
        raise OSError(errno.EPROTONOSUPPORT, "Protocol not supported")

    monkeypatch.setattr(netlink.socket, "socket", refuse)
    with pytest.raises(StackError, match=r"this kernel has no netfilter: .*not supported"):
        Netlink()
