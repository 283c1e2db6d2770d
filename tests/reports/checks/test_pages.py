"""Which pages are known entry by entry, and what they show of the store."""

import numpy as np
import pytest

from gauntlet.core.history import Channel, Flag, Kind, PageFlag
from gauntlet.reports.checks import _pages

from ..small_runs import NS, SmallRun, ns
from .test_listings import page

COMPLETE = PageFlag.ENTRIES | PageFlag.LAST


@pytest.fixture
def run():
    """Return a run in which u1 sends four messages, one a second; the server tells no positions."""
    run = SmallRun((1, 2, 3))
    for number in range(1, 5):
        run.send(1, 0, 10 + number, sseq=number)
    return run


def at(history, pages):
    """Return the times of pages in seconds."""
    return [round((int(history.records["t_ns"][each]) - ns(0)) / 1e9) for each in pages]


def test_pages_with_one_entry_or_none_are_known_too(run):
    page(run, 2, 1, 2)
    page(run, 2, 3, at_s=21)
    page(run, 2, at_s=22)
    page(run, 2, 4, at_s=23, flags=PageFlag.LISTED)
    history = run.history()
    assert at(history, _pages.marked_pages(history)) == [20, 21, 22]
    assert at(history, _pages.whole_pages(history)) == [20, 21, 22]


def test_a_page_that_claims_more_entries_than_it_has_is_not_whole(run):
    page(run, 2, 1, 2, entries=3)
    page(run, 3, 1, 2, 3, at_s=21)
    history = run.history()
    assert at(history, _pages.whole_pages(history)) == [21]


@pytest.mark.parametrize("user", [2, 3])
def test_what_follows_the_next_page_is_no_entry_of_the_first(run, user):
    """The first page claims more entries than it has; both were answered at the same time."""
    page(run, 2, 1, 2, entries=4)
    page(run, user, 3, 4)
    history = run.history()
    assert at(history, _pages.whole_pages(history)) == [20]
    found = _pages.entries(history)
    assert history.records["sseq"][found.record].tolist() == [1, 2, 3, 4]


def test_a_page_has_no_more_entries_than_it_claims(run):
    page(run, 2, 1, 2, 3, entries=2)
    run.deliver(1, 4, 22, 3, seq=0)
    history = run.history()
    found = _pages.entries(history)
    assert history.records["sseq"][found.record].tolist() == [1, 2]
    assert at(history, _pages.whole_pages(history)) == [20]


@pytest.mark.parametrize("changed", [{"conv": 2}, {"link": 3}, {"t_ns": ns(20.5)}])
def test_entries_are_of_the_conversation_the_connection_and_the_time_of_their_page(run, changed):
    run.story.convs[2] = {"name": "c2", "workload": "group", "members": [1, 2, 3]}
    page(run, 2, 1, 2, 3)
    run.story.change(len(run.story.records) - 1, **changed)
    page(run, 3, 4, at_s=21)
    history = run.history()
    found = _pages.entries(history)
    assert history.records["sseq"][found.record].tolist() == [1, 2, 4]
    assert at(history, _pages.whole_pages(history)) == [21]


def test_foreign_entries_are_entries_and_no_listed_messages(run):
    run.add(Kind.PAGE, 20, conv=1, link=2, peer=2, spare=COMPLETE)
    run.add(Kind.DELIVER, 20, conv=1, link=2, peer=1, sseq=2, flags=Channel.HISTORY | Flag.FOREIGN)
    run.deliver(1, 3, 20, 2, seq=0, flags=Channel.HISTORY)
    history = run.history()
    assert at(history, _pages.whole_pages(history)) == [20]
    listed = _pages.listed_messages(history).message
    assert history.messages.sseq[listed].tolist() == [3]


def test_the_audit_is_the_complete_page_of_its_time(run):
    page(run, 2, 1, 2, flags=COMPLETE)
    page(run, 3, 1, 2, flags=COMPLETE, at_s=21)
    page(run, 1, 1, 2, flags=PageFlag.ENTRIES, at_s=21)
    run.add(Kind.HEAD, 21, conv=1)
    history = run.history()
    pages = _pages.whole_pages(history)
    assert _pages.are_audits(history, pages).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("requested_s", "head_s", "shown"), [(14.1, 21, [1, 2]), (14.1 - NS, 21, []), (14.1, 22, [])]
)
def test_a_page_shows_what_is_stored_in_the_end(run, requested_s, head_s, shown):
    """The last acknowledgement was at 14.1 s; only the page at 21 s can be the audit."""
    page(run, 2, 1, 2)
    run.story.records[-3] = run.story.records[-3]._replace(ref_ns=ns(requested_s))
    page(run, 3, 3, flags=COMPLETE, at_s=21)
    run.add(Kind.HEAD, head_s, conv=1)
    history = run.history()
    found = np.flatnonzero(_pages.shown_at_the_end(history))
    assert history.messages.sseq[found].tolist() == shown


def test_without_pages_nothing_is_shown(run):
    run.add(Kind.HEAD, 33, conv=1)
    assert _pages.shown_at_the_end(run.history()).tolist() == [False] * 4
