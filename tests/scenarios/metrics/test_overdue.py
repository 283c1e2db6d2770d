"""What clients suspect to be overdue while the load runs."""

import pytest

from gauntlet.core.clock import NS_PER_S
from gauntlet.scenarios.metrics.delivery_ledger import Ledger
from gauntlet.scenarios.metrics.overdue import OverdueSweep
from gauntlet.scenarios.workloads.entities import Conversation, Op

ROOM = Conversation(5, "r.w0-0", "group", (11, 12, 13))


@pytest.fixture
def room():
    """A room, its ledger, the connections of its members, and a sweep at a given second."""
    ledger = Ledger()
    ledger.open(ROOM)
    for user in ROOM.members:
        ledger.watch(ROOM.number, user)
    connections = {user: user * 100 for user in ROOM.members}
    sweep = OverdueSweep(ledger, lambda device: connections.get(device, 0))
    return ledger, connections, lambda second: tuple(sweep.sweep(second * NS_PER_S))


def ack(ledger, *seen_by):
    ledger.submit()
    ledger.ack(Op(0, ROOM, 11, 1))
    for user in seen_by:
        ledger.present(ROOM.number, user, 11, 1)


def test_a_message_that_nobody_presents_grows_old(room):
    ledger, _, sweep = room
    assert sweep(0) == (0, 0)
    ack(ledger)
    assert [sweep(second) for second in (1, 2, 5)] == [(0, 0), (1, 1), (4, 4)]


def test_a_message_that_one_member_misses_is_not_unseen(room):
    ledger, _, sweep = room
    ack(ledger, 11, 12)
    sweep(1)
    assert sweep(4) == (0, 3)


def test_a_message_that_everyone_presents_is_no_suspicion(room):
    ledger, _, sweep = room
    ack(ledger, 11, 12)
    sweep(1)
    ledger.present(ROOM.number, 13, 11, 1)
    assert sweep(4) == (0, 0)


def test_a_member_who_reconnects_or_is_away_has_time_to_catch_up(room):
    ledger, connections, sweep = room
    ack(ledger, 11, 12)
    sweep(1)
    connections[13] += 1
    assert sweep(4) == (0, 0)
    assert sweep(6) == (0, 2)
    del connections[13]
    assert sweep(9) == (0, 0)


def test_a_late_presentation_at_one_does_not_renew_the_suspicion_at_another(room):
    ledger, _, sweep = room
    ack(ledger, 11)
    sweep(1)
    ledger.present(ROOM.number, 12, 11, 1)
    assert sweep(3) == (0, 2)
