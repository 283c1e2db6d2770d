"""One user's view of one conversation whose server numbers nothing. Pure.

Entries are shown as they come, each id once. After a connection that did not resume, the history
is read from the last id on: what it holds comes first, and pushes wait for it.
"""

from gauntlet.core.history import Channel
from gauntlet.scenarios.adapters.base import Entry, Page
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.ordered_inbox import RETRY_NS, Held, InboxListener
from gauntlet.scenarios.workloads.entities import Conversation


class UnorderedInbox:
    """The cursor is the id of the last entry shown, "" before the first."""

    __slots__ = ("_held", "_owner", "_reading", "_seen", "behind", "conv", "cursor")

    def __init__(self, conv: Conversation, owner: InboxListener) -> None:
        self.conv = conv
        self.cursor = ""
        self.behind = False  # whether something may exist that was not shown
        self._owner = owner
        self._seen: set[str] = set()
        self._held: list[Held] = []
        self._reading = False

    def on_push(self, entry: Entry, connection: Connection) -> None:
        """An entry arrived on a connection."""
        if entry.id in self._seen:
            self._owner.repeat(self, entry, connection, seen=True)
        elif self.behind:
            self._held.append(Held(entry, Channel.LIVE, connection.number))
        else:
            self._show(entry, Channel.LIVE, connection.number)

    def catch_up(self) -> None:
        """The connection is new: what happened since the last entry is not pushed any more."""
        self.behind = True
        self._read()

    def on_wait(self) -> None:
        """A wait is over."""
        self._read()

    def on_page(self, page: Page | None) -> None:
        """What the history holds after the cursor; None where it could not be read."""
        self._reading = False
        if page is None:
            self._owner.wait(self, RETRY_NS)
            return
        for entry in page.entries:
            if entry.id not in self._seen:
                self._show(entry, Channel.RESYNC, 0)
            self.cursor = entry.id
        if page.more and page.entries:
            self._read()
            return
        self.behind = False
        late, self._held = self._held, []
        for held in late:
            if held.entry.id not in self._seen:
                self._show(*held)

    def _show(self, entry: Entry, channel: Channel, connection_number: int) -> None:
        if entry.id:  # what has no id cannot be told from a copy of it
            self._seen.add(entry.id)
            self.cursor = entry.id
        self._owner.present(self, entry, channel, connection_number)

    def _read(self) -> None:
        if not self._reading:
            self._reading = True
            self._owner.read(self)
