"""The inbox of a conversation with numbered entries: in order, once, with gaps repaired. Pure.

Entries that arrive out of order are held back. A gap before a pushed entry is read from the
history after `HOLD_BACK_NS`; entries that only a heartbeat announced are read after
`PUSH_GRACE_NS`, because their push may be on its way. A history page is taken as the truth: a
position in its range that it does not contain is skipped and never presented. Beyond `HELD_MAX`
entries, a push is not kept: it is read from the history, as if it had been lost.
"""

from gauntlet.core.clock import NS_PER_MS
from gauntlet.core.history import Channel
from gauntlet.scenarios.adapters.base import Entry, Page
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.inbox import PAGE_RETRY_NS, HeldEntry, InboxListener
from gauntlet.scenarios.workloads.entities import Conversation

HOLD_BACK_NS = 100 * NS_PER_MS
PUSH_GRACE_NS = 750 * NS_PER_MS
PAGE_LIMIT = 500
HELD_MAX = 4_096


class OrderedInbox:
    """`cursor` is the last position that was presented or skipped, `head` the last known one."""

    __slots__ = (
        "_closed",
        "_held",
        "_listener",
        "_reading",
        "_timer_set",
        "conv",
        "cursor",
        "head",
    )

    def __init__(self, conv: Conversation, cursor: int, listener: InboxListener) -> None:
        self.conv = conv
        self.cursor = cursor
        self.head = cursor
        self._listener = listener
        self._held: dict[int, HeldEntry] = {}  # by position
        self._reading = False
        self._timer_set = False
        self._closed = False  # the user was removed, so that the history is refused

    def on_push(self, entry: Entry, connection: Connection) -> None:
        """Handle an entry that arrived on a connection."""
        seq = entry.seq
        backward = seq <= connection.highest_pushed.get(entry.conv, 0)
        if not backward:
            connection.highest_pushed[entry.conv] = seq
            # The usual case first: nearly every push is the next entry.
            if seq == self.cursor + 1 and not self._held:
                self.cursor = seq
                self.head = max(self.head, seq)
                self._listener.present(self, entry, Channel.LIVE, connection.number)
                return
        seen = seq <= self.cursor or seq in self._held
        if seen or backward:
            self._listener.on_repeat(self, entry, connection, seen=seen)
        if seen:
            return
        self.head = max(self.head, seq)
        self._hold(seq, entry, connection)
        self._present_consecutive()
        if self._held:
            self._set_timer(HOLD_BACK_NS)

    def _hold(self, seq: int, entry: Entry, connection: Connection) -> None:
        """Keep a push until what is before it has come."""
        missing = seq - self.cursor - 1
        if missing:
            self._listener.on_held(self, entry, connection.number, missing=missing)
            if len(self._held) >= HELD_MAX:
                self._listener.on_overflow(self)
                return
        self._held[seq] = HeldEntry(entry, Channel.LIVE, connection.number)

    def close(self) -> None:
        """Expect nothing more. Pushes on their way still arrive, and what is held is presented."""
        self._closed = True
        if self.behind:
            self._set_timer(HOLD_BACK_NS)

    def reopen(self) -> None:
        """Read again: the user was added again."""
        self._closed = False

    def skip_to(self, seq: int) -> None:
        """Continue at `seq`, where the user was added again; the positions before are not theirs.

        What was held back is presented: nothing can fill its gaps any more.
        """
        self._closed = False
        self._present_held(seq)
        self.cursor = max(self.cursor, seq - 1)
        self.head = max(self.head, self.cursor)

    def on_head(self, head: int, grace_ns: int = PUSH_GRACE_NS) -> None:
        """Note that the conversation extends to `head`; read it if no push comes within the grace.

        With `grace_ns` 0 it is read immediately.
        """
        self.head = max(self.head, head)
        if self.behind:
            if grace_ns:
                self._set_timer(grace_ns)
            else:
                self._read_history()

    @property
    def behind(self) -> bool:
        """Whether entries are known to exist that were not presented."""
        return self.cursor < self.head

    def on_timer(self) -> None:
        """Read from the history what has not arrived by now."""
        self._timer_set = False
        if self._closed:
            self._give_up_gaps()
        elif self.behind:
            self._read_history()

    def on_page(self, page: Page | None) -> None:
        """Handle the history after the cursor; None if it could not be read."""
        self._reading = False
        cursor_before = self.cursor
        if page is not None:
            self._apply(page)
        if self._closed:
            self._give_up_gaps()
        elif self.behind:
            if self.cursor > cursor_before:
                self._read_history()
            else:
                self._set_timer(PAGE_RETRY_NS)

    def _apply(self, page: Page) -> None:
        for entry in page.entries:
            if entry.seq > self.cursor and entry.seq not in self._held:
                self._held[entry.seq] = HeldEntry(entry, Channel.RESYNC, 0)
        last = page.entries[-1].seq if page.entries else 0
        # The last page covers all positions up to the head, any other one those up to its end.
        covered = last if page.continues(PAGE_LIMIT) else max(page.head, last)
        present = sorted(seq for seq in self._held if seq <= covered)
        skipped = max(0, covered - self.cursor) - len(present)
        for seq in present:
            self._listener.present(self, *self._held.pop(seq))
        self.cursor = max(self.cursor, covered)
        if skipped:
            self._listener.on_skipped(self, skipped)
        self._present_consecutive()

    def _give_up_gaps(self) -> None:
        """Present what is held, and expect nothing more."""
        self._present_held(self.head + 1)
        self.head = self.cursor

    def _present_held(self, before: int) -> None:
        for seq in sorted(seq for seq in self._held if seq < before):
            self.cursor = seq
            self._listener.present(self, *self._held.pop(seq))

    def _present_consecutive(self) -> None:
        while (held := self._held.pop(self.cursor + 1, None)) is not None:
            self.cursor += 1
            self._listener.present(self, *held)

    def _read_history(self) -> None:
        if not self._reading:
            self._reading = True
            self._listener.read_history(self)

    def _set_timer(self, wait_ns: int) -> None:
        if not self._timer_set and not self._reading:
            self._timer_set = True
            self._listener.call_later(self, wait_ns)
