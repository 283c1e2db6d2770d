"""One conversation on an edge: entries arrive in any order and leave in order of `seq`. No I/O.

The bus may lose, repeat and reorder entries; the conversation's head in SQL states which entries
exist. The edge's repair reads from SQL whatever has been missing for longer than `GAP_PATIENCE_S`.
"""

from collections.abc import Iterator

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.edge.client_socket import ClientSocket

GAP_PATIENCE_S = 0.05
# Entries that are held out of order; any more are dropped, and read again from SQL later.
PENDING_MAX = 1000


class Conversation:
    """Positions below `next_seq` went to the `sockets`; `head` is the highest known to exist.

    From `unskipped_from` on, every position passed through here: none of them was skipped.
    """

    __slots__ = (
        "_overdue_at_s", "_pending", "conv", "head", "next_seq", "sockets", "unskipped_from",
    )  # fmt: skip

    def __init__(self, conv: str, next_seq: int) -> None:
        self.conv = conv
        self.next_seq = self.unskipped_from = next_seq
        self.head = next_seq - 1
        self.sockets: set[ClientSocket] = set()
        self._pending: dict[int, Entry] = {}
        self._overdue_at_s: float | None = None

    @property
    def is_behind(self) -> bool:
        """Whether an entry is known to exist that has not left yet."""
        return self.head >= self.next_seq

    def offer(self, entry: Entry, now_s: float) -> Iterator[Entry]:
        """Accept an entry from any source, and yield those that may leave now: `take_ready`."""
        if entry.seq >= self.next_seq and (
            entry.seq == self.next_seq or len(self._pending) < PENDING_MAX
        ):
            self._pending[entry.seq] = entry
        yield from self.take_ready()
        self.note_head(entry.seq, now_s)

    def take_ready(self) -> Iterator[Entry]:
        """Yield the entries that may leave now, in order; `next_seq` moves with each of them."""
        while entry := self._pending.pop(self.next_seq, None):
            self.next_seq += 1
            self._overdue_at_s = None
            yield entry

    def note_head(self, head: int, now_s: float) -> None:
        """Take note that positions up to `head` exist, and start to wait for those missing."""
        self.head = max(self.head, head)
        if not self.is_behind:
            self._overdue_at_s = None
        elif self._overdue_at_s is None:
            self._overdue_at_s = now_s + GAP_PATIENCE_S

    def is_overdue(self, now_s: float) -> bool:
        """Whether the missing entries have been missing for too long."""
        return self.is_behind and self._overdue_at_s is not None and now_s >= self._overdue_at_s

    def skip_to(self, seq: int) -> None:
        """Stop waiting for anything before `seq`; the caller announces the gap."""
        self.next_seq = self.unskipped_from = max(self.next_seq, seq)
        self._pending = {
            pending_seq: entry
            for pending_seq, entry in self._pending.items()
            if pending_seq >= self.next_seq
        }
