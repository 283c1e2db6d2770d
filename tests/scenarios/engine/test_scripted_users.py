"""Users whom tasks drive."""

from random import Random

import pytest

from gauntlet.core.history import Kind
from gauntlet.core.scenario.model import from_builtins
from gauntlet.scenarios.adapters.base import Entry
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.readiness import Readiness
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.scripted_users import (
    READY_TIMEOUT_NS,
    ReceivedMessage,
    ScriptedReceiver,
    ScriptedUser,
    ScriptedUsers,
    SendRequest,
)
from gauntlet.scenarios.schedule.arrivals import Stripe
from gauntlet.scenarios.schedule.traffic import Traffic

SCENARIO = {
    "version": 1, "name": "x", "about": "x",
    "load": {"model": "closed", "users": 4, "workload": {"group": {"size": 4}}},
}  # fmt: skip


class Rows:
    """Plays `links.jsonl`."""

    def __init__(self):
        self.conversations = []
        self.users = []

    def write_scripted_user(self, user):
        self.users.append(user.name)

    def write_conversation(self, conv):
        self.conversations.append(conv.name)


class Recorder:
    """A controller that keeps the messages that it receives."""

    def __init__(self):
        self.messages = []

    def on_message(self, message):
        self.messages.append(message)


@pytest.fixture
def shared(world):
    """Four users in one room, none of them connected, with the clock and sink of the world."""
    traffic = Traffic(from_builtins(SCENARIO), Stripe())
    readiness = Readiness(world.ledger, traffic.conversations.values(), lambda _: None)
    world.context.conversations = traffic.conversations
    world.context.user_numbers = {user.name: user.number for user in traffic.users}
    world.rows = Rows()
    return ScriptedUsers(world.context, traffic, readiness, world.rows, lambda: world.over)


@pytest.fixture
def recorder():
    """What the first user receives."""
    return Recorder()


@pytest.fixture
def ann(world, shared, recorder):
    """The first user, controlled by a script."""
    world.over = False

    def mailbox(*parts):
        return ScriptedReceiver(recorder, *parts)

    return ScriptedUser(shared, Session(world.context, shared.traffic.users[0], Random(1), mailbox))


def ask(world, ann, to, text="hello"):
    """Have a message sent; answers the list that its end is put into."""
    ended = []
    ann.send(SendRequest(to, text, world.time_ns, ended.append))
    return ended


def ready(shared, *names):
    """Mark conversations as ready: all of their members are connected."""
    for name in names:
        shared.readiness.mark_ready(shared.traffic.conversations[name])


def test_there_are_no_arrivals_in_a_closed_load(shared):
    """Only tasks send."""
    assert list(shared.traffic.offsets_ns()) == []


def test_who_is_driven_is_kept_for_the_judge(world, ann):
    """The latencies of scripted users exclude waiting, and a report has to mention it."""
    assert world.rows.users == [ann.name]


def test_a_send_waits_for_its_readers_and_is_then_an_op_as_any_other(world, shared, ann):
    """Its body carries the text and its identity, its latency is from when it could be sent."""
    ended = ask(world, ann, "u0-1", "what|is “up”?")
    world.pass_ms(1_000)
    assert world.asked == []
    ready(shared, "d.u0-0.u0-1")
    world.pass_ms(20)
    asked = world.take()
    assert b"what|is" in asked.request.body
    asked.answer(201, {"seq": 1})
    assert [(it.outcome, it.conv, it.seq, it.latency_ms) for it in ended] == [
        ("acked", "d.u0-0.u0-1", 1, 20.0)
    ]
    assert [record.kind for record in world.records] == [Kind.OP, Kind.ATTEMPT, Kind.ACK]


def test_the_wait_for_the_engine_counts(world, shared, ann):
    """If no member has to be waited for, the latency counts from the call of the task."""
    ended = ask(world, ann, "u0-1")
    ready(shared, "d.u0-0.u0-1")
    world.take().answer(201, {"seq": 1})
    asked_ns = world.time_ns
    world.pass_ms(30)
    ann.send(SendRequest("u0-1", "again", asked_ns, ended.append))
    world.take().answer(201, {"seq": 2})
    assert ended[1].latency_ms == 30


def test_conversations_are_opened_once_and_named(world, shared, ann):
    """Each pair has one conversation, which a row names; planned ones are used."""
    ask(world, ann, "u0-2")
    ask(world, ann, "u0-2")
    assert shared._directory.conversations == ["d.u0-0.u0-2"]
    (room,) = ann.rooms
    assert shared.conversation(shared.traffic.users[3], room).is_room


@pytest.mark.parametrize("to", ["u0-0", "u1-0", "d.u0-1.u0-2", "nobody"])
def test_strangers_are_not_written_to(world, ann, to):
    """Oneself, users of other workers, conversations of others: nothing is sent."""
    (ended,) = ask(world, ann, to)
    assert ended.outcome == "unknown_recipient"
    assert world.records == []


def test_a_send_to_a_peer_that_does_not_connect_is_given_up(world, shared, ann):
    """Nothing is sent if the peer connects later."""
    ended = ask(world, ann, "u0-1")
    world.pass_ms(READY_TIMEOUT_NS / 1e6 + 10, step_ms=500)
    assert [it.outcome for it in ended] == ["peer_not_connected"]
    ready(shared, "d.u0-0.u0-1")
    assert len(ended) == 1
    assert world.records == []


def test_nothing_begins_after_the_end(world, shared, ann):
    """Neither what is asked for, nor what had to wait."""
    waiting = ask(world, ann, "u0-1")
    world.over = True
    ready(shared, "d.u0-0.u0-1")
    assert [it.outcome for it in (*waiting, *ask(world, ann, "u0-2"))] == [
        "load_finished",
        "load_finished",
    ]
    assert world.records == []


def test_a_refusal_and_a_silence_are_told_apart(world, shared, ann):
    """`rejected` left nothing behind, `unknown` may have."""
    refused, unanswered = ask(world, ann, "u0-1"), ask(world, ann, "u0-2")
    ready(shared, "d.u0-0.u0-1", "d.u0-0.u0-2")
    error = {"code": "forbidden", "message": "", "temporary": False, "stored": "no"}
    world.take().answer(403, {"error": error})
    ann._session.send_queue.abandon()
    assert [it.outcome for it in (*refused, *unanswered)] == ["rejected", "unknown"]


def test_others_are_heard_and_oneself_is_not(world, shared, ann, recorder):
    """What is heard is the text that was sent, with its age."""
    ask(world, ann, "u0-1", "for Bob")
    ready(shared, "d.u0-0.u0-1")
    mine = world.take()
    bob = ScriptedUser(shared, Session(world.context, shared.traffic.users[1], Random(2)))
    ask(world, bob, "u0-0", "for Ann")
    bobs = world.take()
    link = Connection(ann._session, "", 0, number=1)
    world.pass_ms(40)
    for seq, sender, asked in ((1, "u0-0", mine), (2, "u0-1", bobs)):
        body = world.body(asked)
        ann._session.receiver.on_entry(link, Entry("d.u0-0.u0-1", seq, sender, body))
    assert recorder.messages == [ReceivedMessage("d.u0-0.u0-1", "u0-1", "for Ann", 2, 40.0)]
    assert len(world.kinds(Kind.DELIVER)) == 2
