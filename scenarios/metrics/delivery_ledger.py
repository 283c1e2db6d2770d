"""Counts of what was sent and who has yet to see it: pure, exact, and cheap per delivery.

For every op one integer holds which members have presented it, a bit each; so a delivery counts
once however often the server stored or sent it.
"""

from array import array

from gauntlet.scenarios.workloads.entities import Conversation, Op, device_keys


class _Book:
    """One conversation's ops. Those that everybody has seen are kept as eight bytes each."""

    __slots__ = ("acked", "bits", "presented", "settled", "watching")

    def __init__(self, conversation: Conversation, devices: int) -> None:
        members = device_keys(conversation.members, devices)
        self.bits = {device_key: 1 << at for at, device_key in enumerate(members)}
        self.watching = 0
        self.presented: dict[int, int] = {}  # op -> the members who have seen it
        self.acked: dict[int, int] = {}  # op -> the members it is expected at
        self.settled = array("Q")  # acked ops that nobody is owed any more


def _key(author: int, sseq: int) -> int:
    return author << 32 | sseq


class Ledger:
    """The reconciliation line, kept while the load runs."""

    def __init__(self, *, self_echo: bool = True, devices: int = 1) -> None:
        self._devices = devices
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
        self._books[conversation.number] = _Book(conversation, self._devices)

    def watch(self, conv: int, device_key: int) -> None:
        """This member's device has been connected: ops acked from now on are expected there."""
        book = self._books[conv]
        book.watching |= book.bits[device_key]

    def submit(self) -> None:
        """An op was handed to its session."""
        self.ops += 1

    def ack(self, op: Op) -> None:
        """An op was committed: it is expected at every member who watches."""
        self.acked += 1
        book = self._books[op.conv.number]
        key = _key(op.author, op.sseq)
        owed = book.watching if self._self_echo else book.watching & ~book.bits[op.author]
        self.expected += owed.bit_count()
        seen = book.presented.get(key, 0)
        self.presented += (seen & owed).bit_count()
        if owed & ~seen:
            book.acked[key] = owed
        else:
            book.presented.pop(key, None)
            book.settled.append(key)

    def miss(self) -> None:
        """An intended send was not made: it is no op."""
        self.missed += 1

    def reject(self) -> None:
        """An op ended, and left nothing behind."""
        self.rejected += 1

    def give_up(self) -> None:
        """An op ended, and nobody knows what it left behind."""
        self.unknown += 1

    def present(self, conv: int, device_key: int, author: int, sseq: int) -> None:
        """A member was shown an op on a device."""
        book = self._books[conv]
        bit = book.bits.get(device_key, 0)
        key = _key(author, sseq)
        seen = book.presented.get(key, 0)
        if seen & bit:
            return
        seen |= bit
        owed = book.acked.get(key)
        if owed is not None:
            self.presented += owed & bit != 0
            if not owed & ~seen:
                del book.acked[key]
                book.presented.pop(key, None)
                book.settled.append(key)
                return
        book.presented[key] = seen

    def used(self, conv: int) -> bool:
        """Whether an op of a conversation was acked or presented."""
        book = self._books[conv]
        return bool(book.acked or book.presented or book.settled)

    def audit(self, conv: int, stored: set[tuple[int, int]]) -> None:
        """Compare a conversation's stored ops with its acked ones."""
        kept = {_key(author, sseq) for author, sseq in stored}
        book = self._books[conv]
        self.lost += len(book.acked.keys() - kept) + len(set(book.settled) - kept)

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
