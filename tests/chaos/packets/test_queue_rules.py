"""Which rules are added; tests/chaos/packets/test_packet_reorder.py tries them in the kernel."""

import errno
import struct

import pytest

from gauntlet.chaos.packets import queue_rules
from gauntlet.chaos.packets.netlink import NetlinkError


class Kernel:
    """Records the messages of each call; refuses those that contain what it does not know."""

    def __init__(self, *refused, code=errno.ENOENT):
        self.refused, self.code, self.calls = refused, code, []

    def call(self, messages):
        bodies = [message.body for message in messages]
        self.calls.append(bodies)
        if any(word in body for word in self.refused for body in bodies):
            raise NetlinkError(self.code)


def rules(bodies):
    """Return the bodies of the rules, which come behind the table and the chain."""
    return bodies[3:-1]


def test_both_directions_of_each_port_are_queued():
    kernel = Kernel()
    queue_rules.add(kernel, "gauntlet_x", [5001, 5002], 7)
    (bodies,) = kernel.calls
    found = rules(bodies)
    assert len(found) == 4
    for port in (5001, 5002):
        assert sum(struct.pack(">H", port) in body for body in found) == 2
    assert all(b"queue\0" in body and b"gauntlet_x\0" in body for body in found)


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EOPNOTSUPP])
def test_a_kernel_without_the_expression_is_asked_for_the_target(code):
    kernel = Kernel(b"queue\0", code=code)
    queue_rules.add(kernel, "gauntlet_x", [5001], 7)
    _, bodies = kernel.calls
    found = rules(bodies)
    assert len(found) == 2
    assert all(b"NFQUEUE\0" in body for body in found)
    assert all(struct.pack("=HHH", 7, 1, 1) in body for body in found)


def test_a_kernel_that_has_neither_is_an_error():
    with pytest.raises(NetlinkError, match="No such file"):
        queue_rules.add(Kernel(b"queue\0", b"NFQUEUE\0"), "gauntlet_x", [5001], 7)


def test_other_errors_are_reported_at_once():
    kernel = Kernel(b"queue\0", code=errno.EPERM)
    with pytest.raises(NetlinkError, match="it takes root"):
        queue_rules.add(kernel, "gauntlet_x", [5001], 7)
    assert len(kernel.calls) == 1
