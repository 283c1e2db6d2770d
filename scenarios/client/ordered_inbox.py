"""One user's view of one numbered conversation: in order, once, missing ones repaired. Pure.

What comes out of order is held back. A hole is read from the history after `HOLD_BACK`, what only
a heartbeat tells of after `PATIENCE` (its push may be on the way). A history page is the truth: a
position inside its range that it left out is passed over, and stays unpresented.
"""

from typing import NamedTuple, Protocol

from gauntlet.core.clock import NS_PER_MS
from gauntlet.core.history import Channel
from gauntlet.scenarios.adapters.base import Cursor, Entry, Page
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.workloads.entities import Conversation

HOLD_BACK_NS = 100 * NS_PER_MS
PATIENCE_NS = 750 * NS_PER_MS
RETRY_NS = 500 * NS_PER_MS
PAGE_LIMIT = 500


class Held(NamedTuple):
    """An entry that waits for its turn, and how it came."""

    entry: Entry
    channel: Channel
    connection_number: int


class Inbox(Protocol):
    """A user's view of a conversation: an `OrderedInbox`, or a `unordered_inbox.UnorderedInbox`."""

    conv: Conversation

    @property
    def cursor(self) -> Cursor:
        """How far the user has come."""

    @property
    def behind(self) -> bool:
        """Whether something may exist that was not presented."""

    def on_push(self, entry: Entry, connection: Connection) -> None:
        """An entry arrived on a connection."""

    def on_wait(self) -> None:
        """A wait is over."""

    def on_page(self, page: Page | None) -> None:
        """What the history holds after the cursor; None where it could not be read."""


class InboxListener(Protocol):
    """What a view needs of its session."""

    def present(self, inbox: Inbox, entry: Entry, channel: Channel, connection_number: int) -> None:
        """Show an entry; `connection_number` is 0 if no connection delivered it."""

    def repeat(self, inbox: Inbox, entry: Entry, connection: Connection, *, seen: bool) -> None:
        """A push that is dropped (`seen`), or that went back on its connection."""

    def passed_over(self, inbox: Inbox, count: int) -> None:
        """Positions that the history left out."""

    def read(self, inbox: Inbox) -> None:
        """Fetch the page after the cursor; it comes to `on_page`."""

    def wait(self, inbox: Inbox, wait_ns: int) -> None:
        """Call `on_wait` in a while."""


class OrderedInbox:
    """The cursor is the last position that was presented or passed over."""

    __slots__ = ("_held", "_owner", "_reading", "_waiting", "conv", "cursor", "head")

    def __init__(self, conv: Conversation, cursor: int, owner: InboxListener) -> None:
        self.conv = conv
        self.cursor = cursor
        self.head = cursor
        self._owner = owner
        self._held: dict[int, Held] = {}
        self._reading = False
        self._waiting = False

    def on_push(self, entry: Entry, connection: Connection) -> None:
        """An entry arrived on a connection."""
        seq = entry.seq
        backward = seq <= connection.highest_pushed.get(entry.conv, 0)
        if not backward:
            connection.highest_pushed[entry.conv] = seq
            if seq == self.cursor + 1 and not self._held:  # as nearly all do
                self.cursor = seq
                self.head = max(self.head, seq)
                self._owner.present(self, entry, Channel.LIVE, connection.number)
                return
        seen = seq <= self.cursor or seq in self._held
        if seen or backward:
            self._owner.repeat(self, entry, connection, seen=seen)
        if seen:
            return
        self.head = max(self.head, seq)
        self._held[seq] = Held(entry, Channel.LIVE, connection.number)
        self._advance()
        if self._held:
            self._wait(HOLD_BACK_NS)

    def on_head(self, head: int, patience_ns: int = PATIENCE_NS) -> None:
        """The conversation has come to `head`; read it if that is not pushed in time."""
        self.head = max(self.head, head)
        if self.behind:
            if patience_ns:
                self._wait(patience_ns)
            else:
                self._read()

    @property
    def behind(self) -> bool:
        """Whether something is known to exist that was not presented."""
        return self.cursor < self.head

    def on_wait(self) -> None:
        """A wait is over: what has not come by now is read."""
        self._waiting = False
        if self.behind:
            self._read()

    def on_page(self, page: Page | None) -> None:
        """What the history holds after the cursor; None where it could not be read."""
        self._reading = False
        before = self.cursor
        if page is not None:
            self._take(page)
        if self.behind:
            if self.cursor > before:
                self._read()
            else:
                self._wait(RETRY_NS)

    def _take(self, page: Page) -> None:
        for entry in page.entries:
            if entry.seq > self.cursor and entry.seq not in self._held:
                self._held[entry.seq] = Held(entry, Channel.RESYNC, 0)
        last = page.entries[-1].seq if page.entries else 0
        # A page that goes on ends with its last entry; any other one covers all up to the head.
        covered = last if page.continues(PAGE_LIMIT) else max(page.head, last)
        present = sorted(seq for seq in self._held if seq <= covered)
        holes = max(0, covered - self.cursor) - len(present)
        for seq in present:
            self._owner.present(self, *self._held.pop(seq))
        self.cursor = max(self.cursor, covered)
        if holes:
            self._owner.passed_over(self, holes)
        self._advance()

    def _advance(self) -> None:
        while (held := self._held.pop(self.cursor + 1, None)) is not None:
            self.cursor += 1
            self._owner.present(self, *held)

    def _read(self) -> None:
        if not self._reading:
            self._reading = True
            self._owner.read(self)

    def _wait(self, wait_ns: int) -> None:
        if not self._waiting and not self._reading:
            self._waiting = True
            self._owner.wait(self, wait_ns)
