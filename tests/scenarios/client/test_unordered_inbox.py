"""A conversation without positions: shown as it comes, once, the history first after a loss."""

import pytest

from gauntlet.core.history import Channel
from gauntlet.scenarios.adapters.base import Entry, Page
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.unordered_inbox import UnorderedInbox

from ..world import TALK

LINK = Connection(None, "", 0, number=9)


class InboxListener:
    """Keeps what a feed asks for."""

    def __init__(self):
        self.shown, self.repeated, self.reads, self.waits = [], [], 0, 0

    def present(self, feed, entry, channel, link):
        """An entry was shown."""
        self.shown.append((entry.id, channel))

    def on_repeat(self, feed, entry, link, *, seen):
        """A copy was dropped."""
        self.repeated.append(entry.id)

    def read_history(self, feed):
        """A page is wanted."""
        self.reads += 1

    def call_later(self, feed, wait_ns):
        """A wait is wanted."""
        self.waits += 1


@pytest.fixture
def owner():
    """Of the feed."""
    return InboxListener()


@pytest.fixture
def feed(owner):
    """Empty."""
    return UnorderedInbox(TALK, owner)


def entry(ident):
    """A message with that id."""
    return Entry(TALK.name, 0, "u0-1", "x", id=ident)


def push(feed, *idents):
    """They arrive on a connection."""
    for ident in idents:
        feed.on_push(entry(ident), LINK)


def test_entries_are_presented_in_the_order_of_arrival_and_once(feed, owner):
    push(feed, "b", "a", "b")
    assert owner.shown == [("b", Channel.LIVE), ("a", Channel.LIVE)]
    assert owner.repeated == ["b"]
    assert feed.cursor == "a"


def test_entries_without_an_id_are_never_taken_for_copies(feed, owner):
    push(feed, "", "")
    assert len(owner.shown) == 2
    assert feed.cursor == ""


def test_after_a_lost_connection_the_history_is_presented_before_pushes(feed, owner):
    push(feed, "a")
    feed.catch_up()
    assert feed.behind
    push(feed, "c", "d")
    assert len(owner.shown) == 1
    feed.on_page(Page([entry("b"), entry("c")]))
    assert owner.shown[1:] == [
        ("b", Channel.RESYNC), ("c", Channel.RESYNC), ("d", Channel.LIVE),
    ]  # fmt: skip
    assert not feed.behind


def test_a_long_history_is_read_page_by_page(feed, owner):
    feed.catch_up()
    feed.on_page(Page([entry("a")], more=True))
    assert (owner.reads, feed.cursor, feed.behind) == (2, "a", True)
    feed.on_page(Page([]))
    assert not feed.behind


def test_a_failed_history_read_is_repeated_and_the_inbox_stays_behind(feed, owner):
    feed.catch_up()
    feed.catch_up()  # another connection, while the page is on its way
    assert owner.reads == 1
    feed.on_page(None)
    assert (owner.waits, feed.behind) == (1, True)
    feed.on_timer()
    assert owner.reads == 2
