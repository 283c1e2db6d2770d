"""One conversation as an edge sees it: entries come in any order, go out in order of `seq`. Pure.

The bus may lose, repeat and reorder; SQL's head says what there must be. What is missing for
longer than `GAP_PATIENCE_S` is read from SQL by the edge's repair.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from gauntlet.reference_server.core.wire import Entry

GAP_PATIENCE_S = 0.05
PENDING_MAX = 1000  # entries held out of order; what is dropped beyond is read again from SQL

Socket = TypeVar("Socket")


class Conversation(Generic[Socket]):
    """Positions below `next_seq` went to the `sockets`; `head` is the highest known to exist.

    From `since` on, every position came by here: nothing was skipped.
    """

    __slots__ = ("_overdue_at_s", "_pending", "conv", "head", "next_seq", "since", "sockets")

    def __init__(self, conv: str, next_seq: int) -> None:
        self.conv = conv
        self.next_seq = self.since = next_seq
        self.head = next_seq - 1
        self.sockets: set[Socket] = set()
        self._pending: dict[int, Entry] = {}
        self._overdue_at_s: float | None = None

    @property
    def is_behind(self) -> bool:
        """Whether something is known to exist that has not gone out."""
        return self.head >= self.next_seq

    def offer(self, entry: Entry, now_s: float) -> Iterator[Entry]:
        """Take an entry from anywhere; yields those that may go out now, see `ready`."""
        if entry.seq >= self.next_seq and (
            entry.seq == self.next_seq or len(self._pending) < PENDING_MAX
        ):
            self._pending[entry.seq] = entry
        yield from self.ready()
        self.note_head(entry.seq, now_s)

    def ready(self) -> Iterator[Entry]:
        """The entries that may go out now, in order; `next_seq` moves with each one yielded."""
        while entry := self._pending.pop(self.next_seq, None):
            self.next_seq += 1
            self._overdue_at_s = None
            yield entry

    def note_head(self, head: int, now_s: float) -> None:
        """Learn that positions up to `head` exist, and begin to wait for them."""
        self.head = max(self.head, head)
        if not self.is_behind:
            self._overdue_at_s = None
        elif self._overdue_at_s is None:
            self._overdue_at_s = now_s + GAP_PATIENCE_S

    def is_overdue(self, now_s: float) -> bool:
        """Whether what is missing has been missing for too long."""
        return self.is_behind and self._overdue_at_s is not None and now_s >= self._overdue_at_s

    def skip_to(self, seq: int) -> None:
        """Give up on everything before `seq`: it will be announced as a gap."""
        self.next_seq = self.since = max(self.next_seq, seq)
        self._pending = {at: entry for at, entry in self._pending.items() if at >= self.next_seq}
