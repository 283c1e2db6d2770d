"""Pushes that an inbox held back, and what follows if they are never presented."""

import time

import numpy as np
import pytest

from gauntlet.campaigns.synthetic.histories import LEAVER, ROOM
from gauntlet.campaigns.synthetic.story import MS, S
from gauntlet.core.history import DTYPE, MISSING_MAX, Channel, Flag, Kind
from gauntlet.reports.checks import _held_pushes
from gauntlet.reports.checks._ack_positions import misplaced_acks
from gauntlet.reports.checks._departures import last_pushes_of
from gauntlet.reports.witness import life, text

from ..small_runs import SmallRun, ns


def hold(story, index, *, shown=True, missing=1):
    """Record that the push of a presentation arrived before it; without `shown`, only that."""
    record = story.records[index]
    arrived = record._replace(kind=Kind.ARRIVED, t_ns=record.t_ns - MS, spare=missing)
    if record.kind == Kind.ROOM:
        arrived = arrived._replace(flags=arrived.flags | Flag.ROOM_EVENT)
    story.records.append(arrived)
    if not shown:
        story.drop([index])
    return arrived


def live(story, **fields):
    """Return a presentation of a push in the middle of the run."""
    found = story.at(Kind.DELIVER, flags=Channel.LIVE, **fields)
    return found[len(found) // 2]


def pushed(story):
    """Return presentations of messages and events by push, of which each is a third of all."""
    return [
        at
        for kind in (Kind.DELIVER, Kind.ROOM)
        for at in story.at(kind)[::3]
        if story.records[at].flags & 3 == Channel.LIVE
    ]


def test_a_push_that_was_held_back_and_presented_changes_no_verdict(judged, good_story):
    def findings(story):
        return {
            check["id"]: (check["verdict"], check["examined"], check["count"])
            for check in judged(story)["checks"]
        }

    story = good_story(1)
    before = findings(story)
    held = [hold(story, at) for at in pushed(story)]
    assert {Flag.ROOM_EVENT, 0} <= {record.flags for record in held}
    after = findings(story)
    # More clients claim the positions of messages, and some of them earlier.
    assert {name: found[0] for name, found in after.items()} == {
        name: found[0] for name, found in before.items()
    }
    for name in ("wire-order", "misdelivery", "phantom", "undelivered"):
        assert after[name] == before[name]


def test_a_message_that_arrived_and_was_never_shown_is_undelivered(verdict, good_story):
    story = good_story(1)
    arrived = hold(story, live(story, conv=1), shown=False)
    found = verdict("undelivered", story)
    assert (found.outcome, found.count) == ("invalid", 1)
    sentence = found.witnesses[0].sentence
    assert "was never shown message" in sentence
    assert f"s and was held back behind position {arrived.seq - 1}, and was" in sentence


def test_a_message_that_is_shown_late_had_arrived(verdict, good_story):
    story = good_story(1)
    story.scenario["delivery_deadline"] = 3
    index = live(story, conv=1)
    arrived = hold(story, index)
    story.change(index, t_ns=arrived.t_ns + 6 * S)
    sentence = verdict("undelivered", story).witnesses[0].sentence
    assert "later than expected" in sentence
    assert f"It arrived at {(arrived.t_ns - 5_000 * S) / S:.1f}" in sentence
    assert sentence.endswith(f"was held back behind position {arrived.seq - 1}.")


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (2, "behind position 5"),
        (0, "until the history was read"),
        (MISSING_MAX, "behind 65,535 positions or more"),
    ],
)
def test_what_a_push_waited_for_is_named(missing, words):
    record = np.zeros(1, dtype=np.dtype(DTYPE))[0]
    record["seq"], record["spare"] = 7, missing
    assert _held_pushes.waits_for(record) == words


def test_the_arrival_of_a_message_is_its_first_record_of_the_session():
    run = SmallRun((1, 2, 3))
    run.send(1, 1, 10)
    run.send(1, 2, 10)
    run.deliver(1, 1, 12, 3)
    for number, at_s, user in ((1, 14, 2), (1, 13, 2), (2, 12, 2), (2, 11, 3)):
        run.deliver(1, number, at_s, user, kind=Kind.ARRIVED)
    history = run.history()
    session = dict(zip(history.user.tolist(), history.session.tolist(), strict=True))
    at = _held_pushes.arrival(history, 0, session[2])
    assert history.records["t_ns"][at] == ns(13)
    assert _held_pushes.describe(history, at) == (
        "arrived at 13 s and was held back until the history was read"
    )
    # User 3 was shown the first message at once.
    assert _held_pushes.arrival(history, 0, session[3]) == -1


def test_a_copy_that_went_backwards_behind_a_held_push_is_seen(verdict, good_story):
    """Both wait for an earlier position, so that nothing is presented yet."""
    story = good_story(1)
    story.drop(story.at(Kind.STAMP))
    first = live(story, conv=1)
    record = story.records[first]
    second = next(
        at
        for at in story.at(Kind.DELIVER, flags=Channel.LIVE, conv=1, link=record.link)
        if story.records[at].seq == record.seq + 1
    )
    later = story.records[second].t_ns
    for at, t_ns in ((first, later), (second, later + MS)):
        story.change(at, t_ns=t_ns + S)
        arrived = hold(story, at)
        story.records[-1] = arrived._replace(t_ns=t_ns)
    copy = record._replace(kind=Kind.RECEIVE, t_ns=later + 2 * MS, flags=Flag.DUPLICATE, spare=0)
    assert verdict("wire-order", story).outcome == "valid"
    story.records.append(copy)
    found = verdict("wire-order", story)
    assert (found.outcome, found.count) == ("invalid", 1)


def test_a_push_far_ahead_is_a_jump_although_it_is_never_presented(verdict, good_story):
    story = good_story(1)
    index = live(story, conv=1)
    arrived = hold(story, index, missing=MISSING_MAX)
    story.records[-1] = arrived._replace(seq=4_000_000_000)
    begin = time.monotonic()
    found = verdict("wire-order", story)
    assert time.monotonic() - begin < 60
    assert (found.outcome, found.count) == ("invalid", 1)
    assert "jumped to position 4000000000" in found.witnesses[0].sentence
    # The same message has two positions.
    assert verdict("position", story).count == 1


def test_an_arrival_places_its_message(history, good_story):
    story = good_story(1)
    record = story.records[live(story, conv=1)]
    (ack,) = story.at(Kind.ACK, conv=1, peer=record.peer, sseq=record.sseq)
    story.change(ack, seq=900)
    assert misplaced_acks(history(story)).size == 1
    story.records.append(record._replace(kind=Kind.ARRIVED, seq=900))
    assert misplaced_acks(history(story)).size == 0


def test_an_arrival_shows_that_its_connection_was_alive():
    records = np.zeros(3, dtype=np.dtype(DTYPE))
    records["kind"] = Kind.CONNECT, Kind.DELIVER, Kind.ARRIVED
    records["link"], records["t_ns"] = 7, (1, 2, 3)
    assert last_pushes_of(records).t_ns.tolist() == [3]


def test_a_body_that_nobody_sent_and_nobody_saw_is_a_phantom(verdict, good_story):
    story = good_story(1)
    arrived = hold(story, live(story, conv=1))
    story.records[-1] = arrived._replace(flags=Flag.FOREIGN, seq=arrived.seq + 1)
    found = verdict("phantom", story)
    assert (found.outcome, found.count) == ("invalid", 1)


def test_a_push_that_a_removed_member_never_saw_reached_them(verdict, good_story):
    story = good_story(1)
    own = {number for number, link in story.links.items() if link.user == LEAVER}
    link = max(own)
    shown = [at for at in story.at(Kind.DELIVER, conv=ROOM) if story.records[at].link not in own]
    last = story.records[shown[-1]]
    before = verdict("misdelivery", story)
    story.records.append(last._replace(kind=Kind.ARRIVED, link=link, spare=1))
    found = verdict("misdelivery", story)
    assert (before.count, found.count, found.examined) == (0, 1, before.examined + 1)


def test_a_life_tells_what_arrived_and_was_not_shown(history, good_story):
    story = good_story(1)
    arrived = hold(story, live(story, conv=1), shown=False)
    known = history(story)
    (message,) = set(known.messages.of_record[known.records["kind"] == Kind.ARRIVED].tolist())
    found = life.life_of(known, message)
    assert "it arrived but was never shown to" in found["fate"]
    lines = "\n".join(text.life_lines(found))
    assert f"(held back behind position {arrived.seq - 1})" in lines


def test_a_slice_shows_the_arrival(judged, good_story):
    story = good_story(1)
    hold(story, live(story, conv=1), shown=False)
    story.reconcile()
    (check,) = (each for each in judged(story)["checks"] if each["verdict"] == "invalid")
    events = check["witnesses"][0]["slice"]["events"]
    assert "arrives at position" in next(e["text"] for e in events if e["event"] == "arrival")
    assert "was never shown" in next(e["text"] for e in events if e["event"] == "missing")


def test_the_arrival_of_an_event_is_told(judged, good_story):
    """Its record is found by the slice of a check that examines events."""
    story = good_story(1)
    (index,) = story.at(Kind.ROOM, conv=ROOM, flags=Channel.LIVE)[:1]
    arrived = hold(story, index)
    link = max(n for n, link in story.links.items() if link.user == LEAVER)
    head = story.records[story.at(Kind.HEAD, conv=ROOM)[0]].seq
    story.records[-1] = arrived._replace(link=link, seq=head, t_ns=5_027 * S)
    (check,) = (each for each in judged(story)["checks"] if each["id"] == "misdelivery")
    texts = [event["text"] for event in check["witnesses"][0]["slice"]["events"]]
    assert any("a push that is held back" in line for line in texts)
