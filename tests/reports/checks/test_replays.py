"""Copies that a new connection pushes, and which of them its client already had."""

import pytest

from gauntlet.campaigns.synthetic.story import MS, S
from gauntlet.core.history import Channel, Flag, Kind

from ..small_runs import SmallRun


def returned_link(story):
    """Return a second connection and the number of the first one of the same user."""
    link = next(link for link in story.links.values() if link.incarnation == 2)
    before = next(
        number
        for number, known in story.links.items()
        if known.user == link.user and known.incarnation == 1
    )
    return link, before


def push_copies(story, shown, link, after_ms):
    """Push a copy of each presented record on a connection."""
    for at, record in enumerate(shown):
        story.records.append(
            record._replace(
                kind=Kind.RECEIVE,
                link=link.number,
                flags=Flag.DUPLICATE | Channel.LIVE,
                t_ns=link.up + after_ms * MS + at,
            )
        )


def test_a_replayed_prefix_is_no_jump_of_the_wire(verdict, good_story):
    """The positions between the replay and the first new push were fetched, not skipped."""
    story = good_story(1)
    link, before = returned_link(story)
    shown = [story.records[index] for index in story.at(Kind.DELIVER, link=before)][:3]
    push_copies(story, shown, link, after_ms=5)
    assert verdict("wire-order", story).outcome == "valid"
    replay = verdict("resync-replay", story)
    assert (replay.outcome, replay.count) == ("invalid", len(shown))


def test_a_copy_of_what_was_fetched_after_the_dial_is_allowed(verdict, good_story):
    story = good_story(1)
    link, _ = returned_link(story)
    fetched = [
        story.records[i]
        for i in story.at(Kind.DELIVER, link=link.number, flags=Channel.RESYNC)
        if story.records[i].t_ns < link.up + 100 * MS
    ][-1:]
    assert fetched
    push_copies(story, fetched, link, after_ms=200)
    assert verdict("resync-replay", story).outcome == "valid"


def test_a_copy_on_the_same_connection_is_no_replay(verdict, good_story, break_it):
    story = good_story(1)
    break_it("push_backwards", story)
    assert verdict("resync-replay", story).outcome == "valid"


@pytest.mark.parametrize(
    ("shown_s", "dialled_s", "seq", "count"),
    [
        (10, 11, 2, 1),
        (10, 11, 3, 0),
        (11, 11, 2, 0),
        (11.001, 11, 2, 0),
        # The first millisecond of the run is one as any other.
        (0.0002, 0.0012, 2, 1),
        (0.0002, 0.0008, 2, 0),
        # A copy without a position is compared with nothing.
        (10, 11, 0, 0),
    ],
)
def test_what_was_presented_in_an_earlier_millisecond_than_the_dial_was_known(
    shown_s, dialled_s, seq, count
):
    run = SmallRun((1, 2))
    run.deliver(1, 2, shown_s, 2)
    run.connect(2, dialled_s, link=12)
    known = {"conv": 1, "link": 12, "peer": 1, "sseq": 2, "seq": seq}
    run.add(Kind.RECEIVE, 20, **known, flags=Flag.DUPLICATE | Channel.LIVE)
    found = run.verdict("resync-replay")
    assert (found.count, found.examined) == (count, 1)


def test_replays_are_found_on_a_machine_that_runs_for_a_long_time():
    """Milliseconds since it was started do not fit into 32 bits; those of the run do."""
    run = SmallRun((1, 2))
    run.deliver(1, 2, 12, 2)
    run.connect(2, 11, link=12)
    run.add(Kind.RECEIVE, 20, conv=1, link=12, peer=1, sseq=2, seq=2, flags=Flag.DUPLICATE)
    run.deliver(1, 1, 10, 2)
    run.add(Kind.RECEIVE, 20, conv=1, link=12, peer=1, sseq=1, seq=1, flags=Flag.DUPLICATE)
    later_ns = 40 * 24 * 3_600 * S
    run.story.records = [
        record._replace(t_ns=record.t_ns + later_ns, ref_ns=record.ref_ns + later_ns)
        for record in run.story.records
    ]
    assert run.verdict("resync-replay").count == 1
