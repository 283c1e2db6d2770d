"""In-order presentation, hold-back and gap repair."""

from hypothesis import given
from hypothesis import strategies as st

from gauntlet.core.history import Channel
from gauntlet.scenarios.adapters.base import Entry, Page
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.inbox import InboxListener
from gauntlet.scenarios.client.ordered_inbox import PAGE_LIMIT, OrderedInbox

from ..world import TALK


class RecordingListener(InboxListener):
    """Records what the inbox requests."""

    def __init__(self):
        self.presented, self.repeats, self.skipped, self.reads, self.waits = [], [], 0, [], []
        self.held, self.overflows = [], 0

    def present(self, inbox, entry, channel, connection):
        self.presented.append((entry.seq, channel))

    def on_repeat(self, inbox, entry, connection, *, seen):
        self.repeats.append((entry.seq, seen))

    def on_held(self, inbox, entry, connection_number, *, missing):
        self.held.append((entry.seq, connection_number, missing))

    def on_overflow(self, inbox):
        self.overflows += 1

    def on_skipped(self, inbox, count):
        self.skipped += count

    def read_history(self, inbox):
        self.reads.append(inbox.cursor)

    def call_later(self, inbox, wait_ns):
        self.waits.append(wait_ns)


def entry(seq):
    """Return a message at a position."""
    return Entry(TALK.name, seq, "u0-0", "body")


def make_inbox(cursor=0):
    """Return an inbox, its listener, and a connection."""
    listener = RecordingListener()
    return OrderedInbox(TALK, cursor, listener), listener, Connection(None, "", 0, number=1)


def page(first, last, head):
    """Return a page of consecutive entries."""
    return Page([entry(seq) for seq in range(first, last + 1)], head)


def test_pushes_in_order_are_presented_without_a_timer_or_a_read():
    inbox, listener, connection = make_inbox()
    for seq in (1, 2, 3):
        inbox.on_push(entry(seq), connection)
    assert listener.presented == [(seq, Channel.LIVE) for seq in (1, 2, 3)]
    assert (listener.repeats, listener.reads, listener.waits) == ([], [], [])
    assert listener.held == []


def test_only_a_push_that_cannot_be_presented_yet_is_reported_as_held():
    inbox, listener, connection = make_inbox()
    for seq in (4, 6, 1, 2):
        inbox.on_push(entry(seq), connection)
    assert listener.held == [(4, 1, 3), (6, 1, 5)]
    assert listener.presented == [(1, Channel.LIVE), (2, Channel.LIVE)]


def test_what_exceeds_the_bound_is_not_kept_but_read_from_the_history(monkeypatch):
    monkeypatch.setattr("gauntlet.scenarios.client.ordered_inbox.HELD_MAX", 2)
    inbox, listener, connection = make_inbox()
    for seq in (2, 3, 4):
        inbox.on_push(entry(seq), connection)
    assert (len(listener.held), listener.overflows) == (3, 1)
    inbox.on_push(entry(1), connection)
    assert [seq for seq, _ in listener.presented] == [1, 2, 3]
    inbox.on_timer()
    inbox.on_page(page(4, 4, 4))
    assert listener.presented[-1] == (4, Channel.RESYNC)
    assert not inbox.behind


def test_a_gap_is_repaired_from_the_history():
    """The entry from the history is a re-sync; the pushed entry behind the gap stays live."""
    inbox, listener, connection = make_inbox()
    inbox.on_push(entry(1), connection)
    inbox.on_push(entry(3), connection)
    assert listener.presented == [(1, Channel.LIVE)]
    inbox.on_timer()
    assert listener.reads == [1]
    inbox.on_page(page(2, 3, 3))
    assert listener.presented[1:] == [(2, Channel.RESYNC), (3, Channel.LIVE)]
    assert not inbox.behind


def test_a_late_push_is_presented_in_order_and_recorded_as_backward():
    inbox, listener, connection = make_inbox(cursor=1)
    inbox.on_push(entry(3), connection)
    inbox.on_push(entry(2), connection)
    assert [seq for seq, _ in listener.presented] == [2, 3]
    assert listener.repeats == [(2, False)]
    inbox.on_timer()
    assert listener.reads == []


def test_a_repeated_push_is_presented_once_and_recorded():
    """Whether the first copy was presented or is still held back."""
    inbox, listener, connection = make_inbox()
    inbox.on_push(entry(1), connection)
    inbox.on_push(entry(1), connection)
    inbox.on_push(entry(3), connection)
    inbox.on_push(entry(3), Connection(None, "", 0, number=2))
    assert [seq for seq, _ in listener.presented] == [1]
    assert listener.repeats == [(1, True), (3, True)]


def test_positions_missing_from_a_page_are_skipped():
    inbox, listener, connection = make_inbox()
    inbox.on_head(4, 0)
    inbox.on_page(Page([entry(1), entry(3), entry(4)], 4))
    assert [seq for seq, _ in listener.presented] == [1, 3, 4]
    assert (listener.skipped, inbox.cursor, inbox.behind) == (1, 4, False)
    inbox.on_push(entry(2), connection)
    assert [seq for seq, _ in listener.presented] == [1, 3, 4]


def test_a_full_page_is_followed_by_the_next_page():
    """The end of a page must not be taken for a gap in the history."""
    inbox, listener, _ = make_inbox()
    inbox.on_head(PAGE_LIMIT + 2, 0)
    inbox.on_page(page(1, PAGE_LIMIT, PAGE_LIMIT + 2))
    assert listener.reads == [0, PAGE_LIMIT]
    inbox.on_page(page(PAGE_LIMIT + 1, PAGE_LIMIT + 2, PAGE_LIMIT + 2))
    assert (inbox.cursor, listener.skipped) == (PAGE_LIMIT + 2, 0)


def test_a_page_without_progress_is_read_again_after_a_wait():
    """A failed read, or a head behind the announced one, must not become a busy loop."""
    inbox, listener, _ = make_inbox()
    inbox.on_head(3, 0)
    for answer in (None, Page([], 0)):
        inbox.on_page(answer)
        assert listener.waits
        listener.waits.clear()
        inbox.on_timer()
    assert listener.reads == [0, 0, 0]


def test_an_announced_entry_is_not_read_if_its_push_comes_in_time():
    """A heartbeat may overtake the push that it announces."""
    inbox, listener, connection = make_inbox()
    inbox.on_head(1)
    inbox.on_push(entry(1), connection)
    inbox.on_timer()
    assert listener.reads == []


@given(st.data())
def test_any_sequence_of_pushes_is_presented_once_and_in_order(data):
    count = data.draw(st.integers(1, 12))
    pushes = data.draw(st.lists(st.integers(1, count), max_size=30))
    inbox, listener, connection = make_inbox()
    for seq in pushes:
        inbox.on_push(entry(seq), connection)
        if data.draw(st.booleans()):
            inbox.on_timer()
        if len(listener.reads) and data.draw(st.booleans()):
            inbox.on_page(page(listener.reads.pop() + 1, count, count))
    inbox.on_head(count)
    inbox.on_timer()
    inbox.on_page(page(inbox.cursor + 1, count, count))
    assert [seq for seq, _ in listener.presented] == list(range(1, count + 1))
    assert listener.skipped == 0


def test_a_short_page_with_more_is_followed_by_the_next_page():
    inbox, listener, _ = make_inbox()
    inbox.on_head(300, 0)
    inbox.on_page(Page([entry(seq) for seq in range(1, 101)], 300, more=True))
    assert (inbox.cursor, listener.skipped) == (100, 0)
    assert listener.reads == [0, 100]
    inbox.on_page(page(101, 300, 300))
    assert [seq for seq, _ in listener.presented] == list(range(1, 301))


def test_a_closed_inbox_reads_nothing_and_presents_what_it_holds():
    """The history is refused to a user who was removed."""
    inbox, listener, connection = make_inbox(3)
    inbox.on_push(entry(6), connection)
    inbox.close()
    inbox.on_timer()
    assert (listener.presented, listener.reads) == ([(6, Channel.LIVE)], [])
    assert not inbox.behind
    inbox.on_push(entry(9), connection)
    inbox.on_timer()
    assert (listener.presented[1:], listener.reads) == ([(9, Channel.LIVE)], [])


def test_a_page_that_was_refused_after_the_removal_is_not_requested_again():
    inbox, listener, connection = make_inbox(3)
    inbox.on_push(entry(6), connection)
    inbox.on_timer()
    inbox.close()
    inbox.on_page(None)
    assert (listener.presented, listener.reads) == ([(6, Channel.LIVE)], [3])
    assert not inbox.behind


def test_a_closed_inbox_presents_pushes_that_are_on_their_way_in_order():
    inbox, listener, connection = make_inbox(3)
    inbox.close()
    for seq in (4, 5):
        inbox.on_push(entry(seq), connection)
    assert [seq for seq, _ in listener.presented] == [4, 5]


def test_an_inbox_continues_where_the_user_was_added_again():
    inbox, listener, connection = make_inbox(3)
    inbox.on_push(entry(5), connection)
    inbox.close()
    inbox.skip_to(9)
    inbox.on_push(entry(9), connection)
    assert [seq for seq, _ in listener.presented] == [5, 9]
    assert (inbox.cursor, inbox.behind, listener.skipped) == (9, False, 0)
    inbox.on_push(entry(11), connection)
    inbox.on_timer()
    assert listener.reads == [9]


def test_a_reopened_inbox_reads_again():
    inbox, listener, _ = make_inbox(3)
    inbox.close()
    inbox.reopen()
    inbox.on_head(6, 0)
    assert listener.reads == [3]
