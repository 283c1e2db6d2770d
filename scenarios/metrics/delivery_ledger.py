"""Counts what was sent and which members have yet to receive it: exact, and cheap per delivery.

For every op, one integer holds which members have presented it, one bit each. A delivery therefore
counts once, however often the server stored or sent it. The module does no I/O.
"""

from array import array
from collections.abc import ItemsView, Iterator

from gauntlet.scenarios.workloads.entities import Conversation, Op, device_keys


class _ConversationLedger:
    """The ops of one conversation. Ops that all members have presented take eight bytes each."""

    __slots__ = ("acked", "bits", "presented", "settled", "watching")

    def __init__(self, conversation: Conversation, devices: int) -> None:
        members = device_keys(conversation.members, devices)
        self.bits = {device_key: 1 << index for index, device_key in enumerate(members)}
        self.watching = 0  # the members whose device has been connected
        self.presented: dict[int, int] = {}  # by op: the members who have presented it
        self.acked: dict[int, int] = {}  # by op: the members who are expected to present it
        self.settled = array("Q")  # acknowledged ops that all expected members have presented


def _op_key(author: int, sseq: int) -> int:
    return author << 32 | sseq


class Ledger:
    """The counts of the reconciliation row, kept while the load runs.

    With `self_echo`, the author's own device is expected to present what it sent, too. An op ends
    in exactly one of `acked`, `rejected`, `untried` and `unknown`.
    """

    def __init__(self, *, self_echo: bool = True, devices: int = 1) -> None:
        self._devices = devices
        self._self_echo = self_echo
        self._conversations: dict[int, _ConversationLedger] = {}
        self.ops = 0
        self.missed = 0
        self.acked = 0
        self.rejected = 0
        self.untried = 0
        self.unknown = 0
        self.expected = 0  # deliveries of acknowledged ops
        self.presented = 0  # of those expected
        self.lost = 0
        self.removals = 0

    def open(self, conversation: Conversation) -> None:
        """Begin to count a conversation."""
        self._conversations[conversation.number] = _ConversationLedger(conversation, self._devices)

    def watch(self, conv: int, device_key: int) -> None:
        """A member's device has connected: ops acknowledged from now on are expected there."""
        counts = self._conversations[conv]
        counts.watching |= counts.bits[device_key]

    def unwatch(self, conv: int, device_key: int) -> None:
        """A member is being removed: what they have not presented is not expected any more."""
        counts = self._conversations[conv]
        bit = counts.bits[device_key]
        counts.watching &= ~bit
        self.removals += 1
        for key, expected in list(counts.acked.items()):
            presented = counts.presented.get(key, 0)
            if expected & bit & ~presented:
                self.expected -= 1
                counts.acked[key] = expected & ~bit
                if not counts.acked[key] & ~presented:
                    self._settle(counts, key)

    def _settle(self, counts: _ConversationLedger, key: int) -> None:
        del counts.acked[key]
        counts.presented.pop(key, None)
        counts.settled.append(key)

    def submit(self) -> None:
        """An op was handed to its session."""
        self.ops += 1

    def ack(self, op: Op) -> None:
        """An op was acknowledged: it is expected at every watching member."""
        self.acked += 1
        counts = self._conversations[op.conv.number]
        key = _op_key(op.author, op.sseq)
        expected = counts.watching if self._self_echo else counts.watching & ~counts.bits[op.author]
        self.expected += expected.bit_count()
        presented = counts.presented.get(key, 0)
        self.presented += (presented & expected).bit_count()
        if expected & ~presented:
            counts.acked[key] = expected
        else:
            counts.presented.pop(key, None)
            counts.settled.append(key)

    def miss(self) -> None:
        """An intended send was not made, and is no op."""
        self.missed += 1

    def reject(self) -> None:
        """An op ended without leaving anything behind."""
        self.rejected += 1

    def leave_untried(self) -> None:
        """An op ended before its first attempt, because its user was not connected any more."""
        self.untried += 1

    def give_up(self) -> None:
        """An op ended without an answer: it may or may not have been stored."""
        self.unknown += 1

    def present(self, conv: int, device_key: int, author: int, sseq: int) -> None:
        """A member's device presented an op."""
        counts = self._conversations[conv]
        bit = counts.bits.get(device_key, 0)
        key = _op_key(author, sseq)
        presented = counts.presented.get(key, 0)
        if presented & bit:
            return
        presented |= bit
        expected = counts.acked.get(key)
        if expected is not None:
            self.presented += expected & bit != 0
            if not expected & ~presented:
                self._settle(counts, key)
                return
        counts.presented[key] = presented

    def waiting(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield (conversation, op, missing, presented) of acknowledged ops that someone misses.

        The last two hold one bit for each member (`members`).
        """
        for conv, counts in self._conversations.items():
            for key, expected in counts.acked.items():
                presented = counts.presented.get(key, 0)
                yield conv, key, expected & ~presented, presented

    def members(self, conv: int) -> ItemsView[int, int]:
        """Return the device keys of the members of a conversation, each with its bit."""
        return self._conversations[conv].bits.items()

    def used(self, conv: int) -> bool:
        """Return whether an op of a conversation was acknowledged or presented."""
        counts = self._conversations[conv]
        return bool(counts.acked or counts.presented or counts.settled)

    def is_acked(self, conv: int, author: int, sseq: int) -> bool:
        """Return whether an op was acknowledged; this searches all ops of its conversation."""
        counts = self._conversations[conv]
        key = _op_key(author, sseq)
        return key in counts.acked or key in counts.settled

    def audit(self, conv: int, stored: set[tuple[int, int]]) -> None:
        """Add to `lost` the acknowledged ops that are not stored; `stored` holds (author, sseq)."""
        stored_keys = {_op_key(author, sseq) for author, sseq in stored}
        counts = self._conversations[conv]
        self.lost += len(counts.acked.keys() - stored_keys)
        self.lost += len(set(counts.settled) - stored_keys)

    @property
    def outstanding(self) -> int:
        """Ops that have not ended."""
        return self.ops - self.acked - self.rejected - self.untried - self.unknown

    @property
    def missing(self) -> int:
        """Deliveries that are expected and have not been presented."""
        return self.expected - self.presented

    def settled(self) -> bool:
        """Return whether every op has ended and every expected delivery was presented."""
        return self.outstanding == 0 and self.missing == 0
