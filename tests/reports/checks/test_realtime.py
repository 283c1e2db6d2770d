"""The real-time order of messages, and what is no violation of it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gauntlet.campaigns.synthetic.histories import good_story as model_story
from gauntlet.campaigns.synthetic.story import MS, ZERO, S
from gauntlet.core.history import Channel, Flag, Kind
from gauntlet.reports.checks import realtime

from ..loading import history_of
from ..small_runs import NS, SmallRun, sentences
from .test_listings import DIRECTED
from .test_listings import page as listed_page

sends = st.lists(
    st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(0, 40), st.integers(1, 20)),
    min_size=1,
    max_size=12,
)


def without_messages(seed=1):
    """Return the connections and conversations of a good story."""
    story = model_story(seed)
    story.records = [r for r in story.records if r.kind in (Kind.CONNECT, Kind.DISCONNECT)]
    return story


def send(story, conv, author, sseq, sent_ms, took_ms, position, flags=0):
    """Add an acknowledged message that the audit finds at a position."""
    link = min(number for number, link in story.links.items() if link.user == author)
    sent = ZERO + 5 * S + sent_ms * MS
    known = {"conv": conv, "link": link, "peer": author, "sseq": sseq, "ref_ns": sent}
    story.add(Kind.OP, sent, **known)
    story.add(Kind.ATTEMPT, sent, **known, spare=1)
    story.add(Kind.ACK, sent + took_ms * MS, **known, spare=1, seq=position, flags=flags)
    story.add(
        Kind.AUDIT, ZERO + 33 * S + sseq, **known | {"link": 0}, seq=position, flags=Channel.AUDIT
    )


@settings(deadline=None, max_examples=60)
@given(sends)
def test_inversions_are_those_of_the_definition(sent):
    """Positions are given in the order in which the messages are listed, whatever their times."""
    story, placed = without_messages(), []
    for sseq, (conv, author, sent_ms, took_ms) in enumerate(sent, 1):
        position = sum(earlier[0] == conv for earlier in sent[:sseq])
        send(story, conv, author, sseq, sent_ms, took_ms, position)
        placed.append((conv, author, sent_ms, sent_ms + took_ms))
    expected = sum(
        any(
            later[0] == conv and later[1] != author and later[3] < sent_ms
            for later in placed[at + 1 :]
        )
        for at, (conv, author, sent_ms, _) in enumerate(placed)
    )
    assert realtime.check(history_of(story)).count == expected


def test_two_messages_of_one_sender_concern_another_check(verdict):
    story = without_messages()
    send(story, 1, 1, 1, sent_ms=0, took_ms=5, position=2)
    send(story, 1, 1, 2, sent_ms=10, took_ms=5, position=1)
    assert verdict("realtime", story).outcome == "valid"


def test_handing_a_message_over_proves_no_order(verdict):
    """A protocol without acknowledgements says nothing about when the server has the message."""
    for flags, outcome in ((0, "invalid"), (Flag.HANDED_OVER, "valid")):
        story = without_messages()
        send(story, 1, 1, 1, sent_ms=0, took_ms=5, position=2, flags=flags)
        send(story, 1, 3, 1, sent_ms=10, took_ms=5, position=1)
        assert verdict("realtime", story).outcome == outcome


def test_overlapping_sends_may_have_any_order(verdict):
    """The second was sent at the very moment at which the first was acknowledged."""
    story = without_messages()
    send(story, 1, 1, 1, sent_ms=0, took_ms=5, position=2)
    send(story, 1, 3, 1, sent_ms=5, took_ms=5, position=1)
    assert verdict("realtime", story).outcome == "valid"


def test_only_messages_that_were_sent_and_found_are_examined():
    """One was stored but not sent, and one was acknowledged but not found."""
    run = SmallRun((1, 2))
    run.send(1, 1, 10)
    run.send(1, 3, 12)
    run.audit(1, 1, 2, head=3)
    assert run.verdict("realtime").examined == 1


def test_each_of_several_conversations_has_an_order_of_its_own():
    """In each, u2 sends after the acknowledgement of what u1 sent, and has the earlier position."""
    run = SmallRun((1, 2), (1, 2), (1, 2))
    for conv in (1, 2, 3):
        run.send(conv, 2, 10 + conv)
        run.send(conv, 1, 20 - conv, author=2)
        run.audit(conv, 2, head=2)
        run.audit(conv, 1, head=2, author=2)
    found = run.verdict("realtime")
    assert sentences(found) == [
        f"The server acknowledged message 2 of u1 in c{conv} before message 1 of u2 in c{conv} was "
        "sent, but the first is at position 2 and the second at position 1."
        for conv in (1, 2, 3)
    ]
    assert (found.count, found.examined) == (3, 6)


def test_pages_do_not_take_the_place_of_the_store():
    """The page lists messages that all have a position, by which they are in order."""
    run = SmallRun((1, 2, 3))
    run.send(1, 1, 10)
    run.send(1, 2, 12, author=2)
    run.deliver(1, 1, 10.2, 3)
    run.deliver(1, 2, 12.2, 3, author=2)
    listed_page(run, 3, 1)
    found = run.verdict("realtime")
    assert (found.outcome, found.examined) == ("valid", 2)
    assert found.sentence.startswith("0 of 2 messages with a position were sent")


@pytest.mark.parametrize(("sent_s", "count"), [(10.1, 0), (10.1 + NS, 1)])
def test_in_each_page_the_messages_of_two_senders_have_an_order(sent_s, count):
    """A message that was sent when the other was acknowledged may precede it."""
    run = SmallRun((1, 2, 3))
    run.send(1, 0, 10, sseq=1)
    run.send(1, 0, sent_s, author=2, sseq=1)
    for user in (1, 3):
        run.add(Kind.PAGE, 20, conv=1, link=user, peer=2, spare=DIRECTED)
        for author in (2, 1):
            run.deliver(1, 1, 20, user, author=author, seq=0, flags=Channel.HISTORY)
    found = run.verdict("realtime")
    said = "has message 1 of u2 in c1 before message 1 of u1 in c1, which had been acknowledged"
    assert (found.count, found.examined) == (2 * count, 4)
    assert all(said in sentence for sentence in sentences(found))
    assert [witness.user for witness in found.witnesses] == [1, 3] * count
