"""Which packets are held back, and when they go on."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.chaos.packets.packet_queue import Packet
from gauntlet.chaos.packets.swaps import Swaps

HOLD_S = 0.1
END = float("inf")


def swaps(share=1.0):
    return Swaps(share, HOLD_S, random.Random(1))


def test_a_packet_follows_the_next_one_with_later_data():
    held = swaps()
    assert held.offer(Packet(1, b"a", 100, 10), 0) == ()
    assert held.offer(Packet(2, b"a", 110, 10), 0) == (2, 1)
    assert held.reordered == 1
    assert held.due(END) == ()


@pytest.mark.parametrize(
    "other",
    [
        Packet(2, b"a", 110, 0),  # an acknowledgement
        Packet(2, b"a", 100, 10),  # the same, sent again
        Packet(2, b"a", 90, 10),
        Packet(2, b"", 0, 0),  # not TCP
    ],
)
def test_what_carries_no_later_data_of_the_connection_overtakes_nothing(other):
    held = swaps()
    held.offer(Packet(1, b"a", 100, 10), 0)
    assert held.offer(other, 0) == (2,)
    assert (held.reordered, held.due(END)) == (0, (1,))


def test_the_directions_of_connections_are_held_independently():
    held = swaps()
    assert [held.offer(Packet(i, bytes([i]), 100, 10), i) for i in (1, 2)] == [(), ()]
    assert held.offer(Packet(3, b"\x02", 110, 10), 2) == (3, 2)
    assert held.due(END) == (1,)


def test_sequence_numbers_start_again_at_zero():
    held = swaps()
    held.offer(Packet(1, b"a", 2**32 - 5, 10), 0)
    assert held.offer(Packet(2, b"a", 5, 10), 0) == (2, 1)


def test_a_packet_that_nothing_overtakes_goes_on_after_its_time():
    held = swaps()
    assert held.wait_s(5) is None
    held.offer(Packet(1, b"a", 100, 10), 5)
    held.offer(Packet(2, b"b", 100, 10), 5.05)
    assert held.wait_s(5.05) == pytest.approx(0.05)
    assert held.due(5.09) == ()
    assert held.due(5.1) == (1,)
    assert held.wait_s(9) == 0
    assert held.due(5.15) == (2,)
    assert (held.wait_s(9), held.reordered) == (None, 0)


def test_only_a_share_is_held():
    held = swaps(share=0.25)
    count = sum(held.offer(Packet(i, b"%d" % i, 1, 1), 0) == () for i in range(4000))
    assert 900 < count < 1100
    none = swaps(share=0.0)
    assert all(none.offer(Packet(i, b"a", i, 1), 0) == (i,) for i in range(100))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20), st.integers(0, 3))))
def test_every_packet_goes_on_exactly_once(packets):
    held = swaps(share=0.5)
    passed = []
    for number, (connection, seq, length) in enumerate(packets):
        passed += held.offer(Packet(number, bytes([connection]), seq, length), number / 10)
        passed += held.due(number / 10)
    passed += held.due(END)
    assert sorted(passed) == list(range(len(packets)))
