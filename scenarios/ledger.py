"""Counts of what was sent and who has yet to see it: pure, exact, and cheap per delivery.

For every op one integer holds which members have presented it, a bit each; so a delivery counts
once however often the server stored or sent it.
"""

from scenarios.plan import Conversation, Op


class _Book:
    """One conversation's ops."""

    __slots__ = ("acked", "bits", "presented", "watching")

    def __init__(self, conversation: Conversation) -> None:
        self.bits = {user: 1 << at for at, user in enumerate(conversation.members)}
        self.watching = 0
        self.presented: dict[int, int] = {}  # op -> the members who have seen it
        self.acked: dict[int, int] = {}  # op -> the members it is expected at


def _key(author: int, sseq: int) -> int:
    return author << 32 | sseq


class Ledger:
    """The reconciliation line, kept while the load runs."""

    def __init__(self, *, self_echo: bool = True) -> None:
        self._self_echo = self_echo  # whether senders are owed their own messages
        self._books: dict[int, _Book] = {}
        self.ops = 0
        self.missed = 0
        self.acked = 0
        self.rejected = 0
        self.unknown = 0
        self.expected = 0
        self.presented = 0
        self.lost = 0

    def open(self, conversation: Conversation) -> None:
        """Begin to count a conversation."""
        self._books[conversation.number] = _Book(conversation)

    def watch(self, conv: int, user: int) -> None:
        """This member has been connected: ops acked from now on are expected at him."""
        book = self._books[conv]
        book.watching |= book.bits[user]

    def submit(self) -> None:
        """An op was handed to its session."""
        self.ops += 1

    def ack(self, op: Op) -> None:
        """An op was committed: it is expected at every member who watches."""
        self.acked += 1
        book = self._books[op.conv.number]
        key = _key(op.author, op.sseq)
        owed = book.watching if self._self_echo else book.watching & ~book.bits[op.author]
        book.acked[key] = owed
        self.expected += owed.bit_count()
        if seen := book.presented.get(key):
            self.presented += (seen & owed).bit_count()

    def miss(self) -> None:
        """An intended send was not made: it is no op."""
        self.missed += 1

    def reject(self) -> None:
        """An op ended, and left nothing behind."""
        self.rejected += 1

    def give_up(self) -> None:
        """An op ended, and nobody knows what it left behind."""
        self.unknown += 1

    def present(self, conv: int, user: int, author: int, sseq: int) -> None:
        """A member was shown an op."""
        book = self._books[conv]
        bit = book.bits.get(user, 0)
        key = _key(author, sseq)
        seen = book.presented.get(key, 0)
        if seen & bit:
            return
        book.presented[key] = seen | bit
        if book.acked.get(key, 0) & bit:
            self.presented += 1

    def used(self, conv: int) -> bool:
        """Whether an op of a conversation was acked or presented."""
        book = self._books[conv]
        return bool(book.acked or book.presented)

    def audit(self, conv: int, stored: set[tuple[int, int]]) -> None:
        """Compare a conversation's stored ops with its acked ones."""
        kept = {_key(author, sseq) for author, sseq in stored}
        self.lost += len(self._books[conv].acked.keys() - kept)

    @property
    def outstanding(self) -> int:
        """Ops that have not ended."""
        return self.ops - self.acked - self.rejected - self.unknown

    @property
    def missing(self) -> int:
        """Deliveries that are expected and have not come."""
        return self.expected - self.presented

    def settled(self) -> bool:
        """Whether nothing is under way any more."""
        return self.outstanding == 0 and self.missing == 0
