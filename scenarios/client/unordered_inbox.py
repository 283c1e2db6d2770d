"""The inbox of a conversation whose server does not number entries. Pure.

Entries are presented in the order in which they arrive, each id once. After a connection that was
not resumed, the history is first read from the last id on, and pushes wait until it has been read.
"""

from gauntlet.core.history import Channel
from gauntlet.scenarios.adapters.base import Entry, Page
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.inbox import PAGE_RETRY_NS, HeldEntry, InboxListener
from gauntlet.scenarios.workloads.entities import Conversation


class UnorderedInbox:
    """`cursor` is the id of the last entry presented, "" before the first."""

    __slots__ = ("_held", "_listener", "_presented_ids", "_reading", "behind", "conv", "cursor")

    def __init__(self, conv: Conversation, listener: InboxListener) -> None:
        self.conv = conv
        self.cursor = ""
        self.behind = False  # whether entries may exist that were not presented
        self._listener = listener
        self._presented_ids: set[str] = set()
        self._held: list[HeldEntry] = []
        self._reading = False

    def on_push(self, entry: Entry, connection: Connection) -> None:
        """Handle an entry that arrived on a connection."""
        if entry.id in self._presented_ids:
            self._listener.on_repeat(self, entry, connection, seen=True)
        elif self.behind:
            self._listener.on_held(self, entry, connection.number, missing=0)
            self._held.append(HeldEntry(entry, Channel.LIVE, connection.number))
        else:
            self._present(entry, Channel.LIVE, connection.number)

    def catch_up(self) -> None:
        """Read the history after the last entry, because a new connection does not push it."""
        self.behind = True
        self._read_history()

    def on_timer(self) -> None:
        """Read the history again after a failure."""
        self._read_history()

    def on_page(self, page: Page | None) -> None:
        """Handle the history after the cursor; None if it could not be read."""
        self._reading = False
        if page is None:
            self._listener.call_later(self, PAGE_RETRY_NS)
            return
        cursor_before = self.cursor
        for entry in page.entries:
            if entry.id not in self._presented_ids:
                self._present(entry, Channel.RESYNC, 0)
            self.cursor = entry.id
        if page.more and page.entries:
            if self.cursor == cursor_before:  # the server repeats itself
                self._listener.call_later(self, PAGE_RETRY_NS)
            else:
                self._read_history()
            return
        self.behind = False
        held_entries, self._held = self._held, []
        for held in held_entries:
            if held.entry.id not in self._presented_ids:
                self._present(*held)

    def _present(self, entry: Entry, channel: Channel, connection_number: int) -> None:
        if entry.id:  # without an id, a copy cannot be distinguished from another message
            self._presented_ids.add(entry.id)
            self.cursor = entry.id
        self._listener.present(self, entry, channel, connection_number)

    def _read_history(self) -> None:
        if not self._reading:
            self._reading = True
            self._listener.read_history(self)
