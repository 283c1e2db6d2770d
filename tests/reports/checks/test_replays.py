"""Copies that a new connection pushes, and which of them its client already had."""

from gauntlet.campaigns.synthetic.story import MS
from gauntlet.core.history import Channel, Flag, Kind


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


def test_a_run_in_which_nobody_returned_is_not_judged(verdict, good_story):
    story = good_story(1)
    later = {link.number for link in story.links.values() if link.incarnation > 1}
    story.drop([at for at, record in enumerate(story.records) if record.link in later])
    assert verdict("resync-replay", story).outcome == "not-applicable"
