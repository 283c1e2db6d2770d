"""What pages omitted of the positions that they had to contain."""

import numpy as np
import pytest

from gauntlet.core.history import RECORDED, Channel, Flag, Kind, PageFlag, RoomEvent
from gauntlet.core.scenario.traits import Retention, Traits
from gauntlet.reports.checks._known_positions import KnownPositions
from gauntlet.reports.checks._omissions import omitted

from ..small_runs import NS, SmallRun, ns


def chat(**scenario):
    """Return a run in which u1 sends a message a second, at positions 1 to 5."""
    run = SmallRun((1, 2, 3), (1, 2, 3), **scenario)
    for seq in range(1, 6):
        run.send(1, seq, 9 + seq)
    return run


def read(run, user, at_s, *entries, flags=PageFlag.LISTED, requested_s=None, conv=1):
    """Let a user read a page with these entries, of which all are recorded as copies."""
    ref_ns = ns(at_s if requested_s is None else requested_s)
    known = {"conv": conv, "link": user}
    run.add(Kind.PAGE, at_s, **known, ref_ns=ref_ns, peer=len(entries), spare=flags)
    for seq in entries:
        run.deliver(conv, seq, at_s, user, kind=Kind.RECEIVE, flags=Channel.HISTORY)


def absent(run, positions=(1, 2, 3, 4, 5)):
    """Return for each page which of these positions it omitted."""
    history = run.history()
    pages = np.flatnonzero(history.records["kind"] == Kind.PAGE)
    page, position = np.repeat(pages, len(positions)), np.tile(positions, pages.size)
    found = omitted(history, KnownPositions(history), page, position)
    return [position[(page == each) & found].tolist() for each in pages]


def test_without_pages_nothing_is_omitted():
    assert absent(chat()) == []


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        (Kind.DELIVER, Channel.LIVE),
        (Kind.DELIVER, Channel.HISTORY),
        (Kind.RECEIVE, Flag.DUPLICATE),
        (Kind.RECEIVE, Channel.RESYNC),
        (Kind.ROOM, Channel.LIVE),
    ],
)
def test_what_the_reader_has_at_the_end_was_returned(kind, flags):
    run = chat()
    run.add(Kind.PAGE, 20, conv=1, link=2)
    run.add(Kind.PAGE, 20, conv=1, link=3)
    run.deliver(1, 2, 25, 2, kind=kind, flags=flags)
    run.deliver(2, 3, 25, 2, kind=kind, flags=flags)
    run.deliver(1, 4, 25, 2, kind=Kind.ARRIVED, flags=flags)
    assert absent(run) == [[1, 3, 4, 5], [1, 2, 3, 4, 5]]


@pytest.mark.parametrize(("adapter", "is_enough"), [(RECORDED, True), ("reference", False)])
def test_what_a_load_only_read_does_not_complete_its_pages(adapter, is_enough):
    run = chat(target={"adapter": adapter})
    run.add(Kind.PAGE, 20, conv=1, link=2)
    run.deliver(1, 2, 25, 2, kind=Kind.RECEIVE, flags=Channel.HISTORY)
    assert absent(run) == [[1, 3, 4, 5] if is_enough else [1, 2, 3, 4, 5]]


@pytest.mark.parametrize("requested_s", [13.1, 13.1 + NS])
def test_a_listed_page_contains_what_was_known_before_it_was_requested(requested_s):
    """Position 4 was acknowledged at 13.1 s; the reader has all of them in the end."""
    run = chat()
    run.deliver(1, 1, 12, 2)
    for seq in (1, 2, 3, 4, 5):
        run.deliver(1, seq, 18, 2, 3)
    read(run, 2, 20, 1, requested_s=requested_s)
    read(run, 3, 20, 3, 5, requested_s=requested_s)
    later = [4] if requested_s > 13.1 else []
    assert absent(run) == [[2, 3, *later], [1, 2, *later]]


def test_a_listed_page_omits_what_its_reader_never_received_whenever_it_became_known():
    run = chat()
    run.deliver(1, 5, 30, 2)
    read(run, 2, 20, 1, 3, requested_s=5)
    assert absent(run) == [[2, 4]]


@pytest.mark.parametrize(
    "changed",
    [
        {"conv": 2},
        {"link": 3},
        {"t_ns": ns(20) + 1},
        {"flags": Channel.RESYNC},
        {"flags": Channel.LIVE},
        {"kind": Kind.ROOM},
        {"seq": 5},
    ],
)
def test_an_entry_is_of_the_conversation_the_connection_and_the_time_of_its_page(changed):
    run = chat()
    run.deliver(1, 4, 19, 2)
    read(run, 2, 20, 2, 3, 4)
    assert absent(run) == [[1, 5]]
    run.story.change(len(run.story.records) - 1, **changed)
    (found,) = absent(run, (1, 2, 3, 4))
    # What is an event of members at this position is no message that the page omits.
    assert found == ([1] if "kind" in changed else [1, 4])


def test_entries_may_be_new_to_their_reader():
    run = chat()
    read(run, 2, 20)
    run.deliver(1, 2, 20, 2, flags=Channel.HISTORY)
    assert absent(run) == [[1, 3, 4, 5]]


def test_several_pages_are_compared_with_their_own_entries():
    run = chat()
    for user, at_s, entries in ((2, 20, (1, 2)), (3, 20, (3,)), (2, 21, (4,)), (3, 22, (5, 1))):
        read(run, user, at_s, *entries)
    assert absent(run) == [[3, 4, 5], [1, 2, 4, 5], [1, 2, 3, 5], [2, 3, 4]]


def test_only_listed_pages_are_compared_with_their_entries():
    run = chat()
    for seq in (1, 2, 3, 4, 5):
        run.deliver(1, seq, 18, 2)
    run.add(Kind.PAGE, 20, conv=1, link=2, ref_ns=ns(20))
    read(run, 2, 21, 2)
    run.add(Kind.PAGE, 22, conv=1, link=2, ref_ns=ns(22))
    assert absent(run) == [[], [1, 3, 4, 5], []]


@pytest.mark.parametrize(
    ("kind", "flags"), [(Kind.ROOM, 0), (Kind.AUDIT, Channel.AUDIT | Flag.ROOM_EVENT)]
)
def test_a_position_with_a_change_of_members_is_missing_in_no_listed_page(kind, flags):
    run = chat()
    read(run, 2, 20, 2)
    event = {"peer": 3, "sseq": RoomEvent.ADDED, "flags": flags}
    run.add(kind, 15, conv=1, link=3 * (kind == Kind.ROOM), seq=1, **event)
    run.add(kind, 15, conv=2, link=3 * (kind == Kind.ROOM), seq=3, **event)
    run.add(kind, 15, conv=1, link=3 * (kind == Kind.ROOM), seq=0, **event)
    assert absent(run, (0, 1, 2, 3, 4, 5)) == [[0, 3, 4, 5]]


@pytest.mark.parametrize("flags", [0, PageFlag.LISTED])
@pytest.mark.parametrize(
    ("answered_s", "expired"),
    [(8.1, 1), (8.1 + NS, 2), (9.1, 2), (9.1 + NS, 3), (20, 3)],
)
def test_what_is_stored_a_little_later_may_have_replaced_what_is_omitted(
    answered_s, expired, flags
):
    """Two are kept. Position 5 is acknowledged at 14.1 s, 5 s after a page at 9.1 s."""
    run = chat()
    run.traits = Traits(retention=Retention(count=2))
    run.add(Kind.PAGE, answered_s, conv=1, link=2, ref_ns=ns(answered_s), spare=flags)
    assert absent(run) == [[seq for seq in (1, 2, 3, 4, 5) if seq > expired]]


@pytest.mark.parametrize("flags", [0, PageFlag.LISTED])
@pytest.mark.parametrize(
    ("age_s", "kept"), [(8, [3, 4, 5]), (8 - NS, [4, 5]), (20, [1, 2, 3, 4, 5])]
)
def test_messages_are_kept_for_a_time_from_when_they_were_sent(age_s, kept, flags):
    """The page was answered at 20 s, 8 s after the third message was sent."""
    run = chat()
    run.traits = Traits(retention=Retention(age_s=age_s))
    run.add(Kind.PAGE, 20, conv=1, link=2, ref_ns=ns(20), spare=flags)
    run.send(2, 1, 19)
    assert absent(run) == [kept]


def test_a_position_without_a_message_of_the_run_may_have_expired():
    run = chat()
    run.traits = Traits(retention=Retention(age_s=100))
    run.deliver(1, 6, 15, 3, author=2)
    run.send(1, 7, 16)
    run.story.drop(run.story.at(Kind.ATTEMPT, sseq=7))
    run.add(Kind.PAGE, 20, conv=1, link=2, ref_ns=ns(20))
    assert absent(run, (5, 6, 7)) == [[5]]


def test_a_message_that_nobody_sent_does_not_expire_in_place_of_another_one():
    run = SmallRun((1, 2, 3))
    run.traits = Traits(retention=Retention(age_s=15))
    run.send(1, 1, 10, author=2)
    run.deliver(1, 1, 15, 3, author=1)
    run.add(Kind.PAGE, 20, conv=1, link=2, ref_ns=ns(20))
    assert absent(run, (1,)) == [[1]]


def test_both_limits_of_what_is_kept_count():
    run = chat()
    run.traits = Traits(retention=Retention(count=4, age_s=8))
    run.add(Kind.PAGE, 20, conv=1, link=2, ref_ns=ns(20))
    assert absent(run) == [[3, 4, 5]]
    run.traits = Traits(retention=Retention(count=1, age_s=8))
    assert absent(run) == [[5]]
