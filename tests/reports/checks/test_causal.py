"""Replies that overtake what they answer, and contradictions that only involve one."""

import pytest

from gauntlet.campaigns.synthetic.histories import ROOM
from gauntlet.campaigns.synthetic.histories import good_story as model_story
from gauntlet.campaigns.synthetic.story import MS, ZERO, S
from gauntlet.core.history import Channel, Flag, Kind
from gauntlet.core.scenario.capabilities import SELF_ECHO
from gauntlet.reports.checks import causal, divergent_order

from ..loading import history_of
from ..small_runs import NS, SmallRun, sentences
from .test_listings import page

ANN, BOB, CID, DORA = 1, 2, 3, 6  # members of the room who stay in it


@pytest.fixture
def room():
    """A room without any message, and functions that say and show something at a time in ms."""
    return Room()


class Room:
    """A story of which every message is written by hand."""

    def __init__(self):
        self.story = model_story(1)
        self.story.records = [
            r for r in self.story.records if r.kind in (Kind.CONNECT, Kind.DISCONNECT, Kind.RANGE)
        ]
        self._positions = 0

    def _link(self, user):
        return min(n for n, link in self.story.links.items() if link.user == user)

    def say(self, author, sseq, at_ms, *, show=()):
        """Send a message, and present it to (user, at_ms)."""
        self._positions += 1
        known = {"conv": ROOM, "peer": author, "sseq": sseq}
        sent = {**known, "link": self._link(author)}
        at = ZERO + 5 * S
        self.story.add(Kind.OP, at + at_ms * MS, **sent)
        self.story.add(Kind.ATTEMPT, at + at_ms * MS, **sent, spare=1)
        for user, shown_ms in show:
            link = self._link(user)
            self.story.add(Kind.DELIVER, at + shown_ms * MS, **known, link=link, flags=Channel.LIVE)

    def counts(self):
        """Return how many violations `causal` and `divergent-order` find."""
        history = history_of(self.story)
        return causal.check(history).count, divergent_order.check(history).count


def test_a_reply_that_one_receiver_sees_first_is_a_violation(room):
    room.say(ANN, 1, 0, show=[(BOB, 10), (CID, 40)])
    room.say(BOB, 1, 20, show=[(CID, 30)])
    assert room.counts() == (1, 0)


def test_a_message_sent_before_the_other_arrived_is_no_reply(room):
    room.say(ANN, 1, 0, show=[(BOB, 20), (CID, 40)])
    room.say(BOB, 1, 20, show=[(CID, 30)])
    assert room.counts() == (0, 0)


def test_receivers_that_disagree_about_no_reply_diverge(room):
    room.say(ANN, 1, 0, show=[(CID, 40), (DORA, 30)])
    room.say(BOB, 1, 5, show=[(CID, 30), (DORA, 40)])
    assert room.counts() == (0, 1)


def test_an_older_message_may_be_the_one_that_is_overtaken(room):
    """A reply answers all that its author had received, not only the last of it."""
    room.say(ANN, 1, 0, show=[(BOB, 10), (CID, 60)])
    room.say(DORA, 1, 1, show=[(BOB, 12)])
    room.say(BOB, 1, 20, show=[(CID, 50)])
    assert room.counts() == (1, 0)


def test_a_reply_in_another_conversation_is_not_compared(room):
    room.say(ANN, 1, 0, show=[(BOB, 10), (CID, 40)])
    room.say(BOB, 1, 20, show=[(CID, 30)])
    for index in room.story.at(Kind.DELIVER, peer=BOB):
        room.story.change(index, conv=1)
    for kind in (Kind.OP, Kind.ATTEMPT):
        room.story.change(room.story.at(kind, peer=BOB)[0], conv=1)
    assert room.counts() == (0, 0)


def test_a_run_without_replies_is_not_judged(verdict, room):
    room.say(ANN, 1, 0, show=[(BOB, 10)])
    assert verdict("causal", room.story).outcome == "not-applicable"


def test_the_witness_names_the_receiver_and_the_author(verdict, room):
    room.say(ANN, 1, 0, show=[(BOB, 10), (CID, 40)])
    room.say(BOB, 1, 20, show=[(CID, 30)])
    room.story.reconcile()
    (witness,) = verdict("causal", room.story).witnesses
    assert witness.sentence == (
        "u0-3 received message 1 of u0-2 in r.den before message 1 of u0-1 in r.den, "
        "which u0-2 had received before sending the reply."
    )


def test_no_echo_is_needed():
    assert SELF_ECHO not in causal.KIND.needs


def test_the_first_of_all_users_may_be_the_receiver():
    run = SmallRun((1, 2, 3))
    run.send(1, 1, 10, author=2)
    run.deliver(1, 1, 10.2, 3, author=2)
    run.send(1, 2, 11, author=3)
    assert (run.verdict("causal").outcome, run.verdict("causal").examined) == ("valid", 1)
    run.deliver(1, 2, 12, 1, author=3)
    run.deliver(1, 1, 13, 1, author=2)
    found = run.verdict("causal")
    assert sentences(found) == [
        (
            "u1 received message 2 of u3 in c1 before message 1 of u2 in c1, which u3 had received "
            "before sending the reply."
        )
    ]
    assert (found.witnesses[0].user, found.witnesses[0].messages) == (1, (0, 1))


def test_a_contradiction_that_no_receiver_saw_alone_is_named_so():
    """u2 answers 1 with 2; u3 received 2 before 3, and u4 received 3 before 1."""
    run = SmallRun((1, 2, 3, 4, 5))
    run.send(1, 1, 10)
    run.deliver(1, 1, 10.2, 2)
    run.send(1, 2, 11, author=2)
    run.send(1, 3, 12, author=5)
    run.deliver(1, 2, 13, 3, author=2)
    run.deliver(1, 3, 14, 3, author=5)
    run.deliver(1, 3, 13, 4, author=5)
    run.deliver(1, 1, 14, 4)
    found = run.verdict("causal")
    assert sentences(found) == [
        (
            "u2 had received message 1 of u1 in c1 before sending message 2 of u2 in c1, but other "
            "receivers' orders imply the opposite."
        )
    ]
    assert (found.witnesses[0].user, found.witnesses[0].messages) == (0, (0, 1))


def own_reply(*, acked_s=10.1, receiver=2, **scenario):
    """Return a run in which a user answers their own message, and another one sees that first."""
    author = 3 - receiver
    run = SmallRun((1, 2), **scenario)
    run.send(1, 1, 10, author=author, took_s=acked_s - 10)
    run.deliver(1, 1, 10.2, author, author=author)
    run.send(1, 2, 11, author=author)
    run.deliver(1, 2, 12, receiver, author=author)
    run.deliver(1, 1, 13, receiver, author=author)
    return run


@pytest.mark.parametrize("receiver", [1, 2])
@pytest.mark.parametrize(
    ("acked_s", "required", "count"),
    [
        (10.1, ["causal"], 1),
        (10.1, ["causal", "sender-fifo"], 0),
        (11 - NS, ["causal", "sender-fifo"], 0),
        # It was not acknowledged before the other was sent, so that no other check reports it.
        (11, ["causal", "sender-fifo"], 1),
    ],
)
def test_two_messages_of_one_sender_are_reported_once(receiver, acked_s, required, count):
    run = own_reply(acked_s=acked_s, receiver=receiver, checks={"required": required})
    assert run.verdict("causal").count == count
    assert run.verdict("sender-fifo").count == (acked_s < 11)


@pytest.mark.parametrize("flags", [0, Flag.HANDED_OVER])
def test_in_a_page_only_what_was_stored_for_certain_concerns_the_order_of_its_sender(flags):
    run = SmallRun((1, 2, 3))
    for number in (1, 2):
        run.send(1, 0, 9 + number, sseq=number)
        run.deliver(1, number, 9.2 + number, 1, seq=0)
    for index in run.story.at(Kind.ACK):
        run.story.change(index, flags=flags)
    page(run, 3, 2, 1)
    counts = run.verdict("causal").count, run.verdict("sender-fifo").count
    assert counts == ((1, 0) if flags else (0, 1))


def test_a_session_that_was_handed_a_message_over_has_the_order_of_its_sender():
    run = own_reply()
    for index in run.story.at(Kind.ACK):
        run.story.change(index, flags=Flag.HANDED_OVER)
    assert (run.verdict("causal").count, run.verdict("sender-fifo").count) == (0, 1)


def test_a_contradiction_that_no_receiver_saw_alone_concerns_no_order_of_a_sender():
    """u1 received their message 1 before they sent 2, and two others imply the opposite."""
    run = SmallRun((1, 2, 3, 4))
    run.send(1, 1, 10)
    run.deliver(1, 1, 10.2, 1)
    run.send(1, 2, 11)
    run.send(1, 3, 10, author=2)
    run.deliver(1, 2, 13, 3)
    run.deliver(1, 3, 14, 3, author=2)
    run.deliver(1, 3, 13, 4, author=2)
    run.deliver(1, 1, 14, 4)
    (sentence,) = sentences(run.verdict("causal"))
    assert sentence.endswith("but other receivers' orders imply the opposite.")
    assert run.verdict("sender-fifo").count == 0
