"""Which conversations are ready for sends."""

import pytest

from gauntlet.scenarios.client.readiness import Readiness
from gauntlet.scenarios.metrics.delivery_ledger import Ledger
from gauntlet.scenarios.workloads.entities import Conversation, Op, User

TALK = Conversation(1, "d.a.b", "direct", (1, 2))
ANN, BOB, CAROL = User(1, "a"), User(2, "b"), User(3, "c")
LATER = Conversation(2, "d.b.c", "tasks", (2, 3))


@pytest.fixture
def prepared():
    """The conversations that were prepared, in order."""
    return []


@pytest.fixture
def readiness(prepared):
    return Readiness(Ledger(), [TALK], prepared.append)


def test_a_conversation_is_prepared_once_when_its_last_member_connects(readiness, prepared):
    readiness.on_connected(ANN)
    readiness.on_connected(ANN)
    assert prepared == []
    readiness.on_connected(BOB)
    readiness.on_connected(BOB)
    assert prepared == [TALK]
    assert TALK not in readiness
    readiness.mark_ready(TALK)
    assert TALK in readiness


def test_waiting_calls_are_made_when_the_conversation_is_ready(readiness):
    calls = []
    readiness.call_when_ready(TALK, lambda: calls.append("early"))
    assert calls == []
    readiness.mark_ready(TALK)
    readiness.call_when_ready(TALK, lambda: calls.append("late"))
    assert calls == ["early", "late"]


def test_a_conversation_opened_later_waits_for_the_missing_members(readiness, prepared):
    """Members who are already connected watch it immediately."""
    readiness.on_connected(BOB)
    readiness.open(LATER)
    assert prepared == []
    readiness.on_connected(CAROL)
    assert prepared == [LATER]
    assert readiness.conversations_of[2] == [TALK, LATER]
    ledger = readiness._ledger
    ledger.submit()
    ledger.ack(Op(0, LATER, 3, 1))
    assert ledger.expected == 2


def test_a_conversation_waits_for_every_device_of_every_member(prepared):
    readiness = Readiness(Ledger(devices=2), [TALK], prepared.append, devices=2)
    for user in (ANN, BOB, User(1, "a", 1)):
        readiness.on_connected(user)
    assert prepared == []
    readiness.on_connected(User(2, "b", 1))
    assert prepared == [TALK]
    readiness._ledger.submit()
    readiness._ledger.ack(Op(0, TALK, 1, 1))
    assert readiness._ledger.expected == 4
