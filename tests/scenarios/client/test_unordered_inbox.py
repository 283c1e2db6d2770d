"""The inbox of a conversation without positions."""

import pytest

from gauntlet.core.history import Channel
from gauntlet.scenarios.adapters.base import Entry, Page
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.inbox import InboxListener
from gauntlet.scenarios.client.unordered_inbox import UnorderedInbox

from ..world import TALK

CONNECTION = Connection(None, "", 0, number=9)


class RecordingListener(InboxListener):
    """Records what the inbox requests."""

    def __init__(self):
        self.presented, self.repeats, self.reads, self.waits = [], [], 0, 0
        self.held = []

    def present(self, inbox, entry, channel, connection):
        self.presented.append((entry.id, channel))

    def on_held(self, inbox, entry, connection_number, *, missing):
        self.held.append((entry.id, connection_number, missing))

    def on_repeat(self, inbox, entry, connection, *, seen):
        self.repeats.append(entry.id)

    def read_history(self, inbox):
        self.reads += 1

    def call_later(self, inbox, wait_ns):
        self.waits += 1

    def on_overflow(self, inbox):
        raise NotImplementedError("only numbered entries wait for earlier ones")

    def on_skipped(self, inbox, count):
        raise NotImplementedError("only numbered entries can be skipped")


@pytest.fixture
def listener():
    return RecordingListener()


@pytest.fixture
def inbox(listener):
    return UnorderedInbox(TALK, listener)


def entry(ident):
    """Return a message with an id."""
    return Entry(TALK.name, 0, "u0-1", "x", id=ident)


def push(inbox, *idents):
    """Push messages with these ids."""
    for ident in idents:
        inbox.on_push(entry(ident), CONNECTION)


def test_entries_are_presented_in_the_order_of_arrival_and_once(inbox, listener):
    push(inbox, "b", "a", "b")
    assert listener.presented == [("b", Channel.LIVE), ("a", Channel.LIVE)]
    assert listener.repeats == ["b"]
    assert inbox.cursor == "a"


def test_entries_without_an_id_are_never_taken_for_copies(inbox, listener):
    push(inbox, "", "")
    assert len(listener.presented) == 2
    assert inbox.cursor == ""


def test_after_a_lost_connection_the_history_is_presented_before_pushes(inbox, listener):
    push(inbox, "a")
    inbox.catch_up()
    assert inbox.behind
    push(inbox, "c", "d")
    assert len(listener.presented) == 1
    assert listener.held == [("c", 9, 0), ("d", 9, 0)]
    inbox.on_page(Page([entry("b"), entry("c")]))
    assert listener.presented[1:] == [
        ("b", Channel.RESYNC), ("c", Channel.RESYNC), ("d", Channel.LIVE),
    ]  # fmt: skip
    assert not inbox.behind


def test_a_long_history_is_read_page_by_page(inbox, listener):
    inbox.catch_up()
    inbox.on_page(Page([entry("a")], more=True))
    assert (listener.reads, inbox.cursor, inbox.behind) == (2, "a", True)
    inbox.on_page(Page([]))
    assert not inbox.behind


def test_a_failed_history_read_is_repeated_and_the_inbox_stays_behind(inbox, listener):
    inbox.catch_up()
    inbox.catch_up()  # another connection, while the page is on its way
    assert listener.reads == 1
    inbox.on_page(None)
    assert (listener.waits, inbox.behind) == (1, True)
    inbox.on_timer()
    assert listener.reads == 2
