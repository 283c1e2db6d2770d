"""Which acknowledged messages are overdue while the load runs: a suspicion, for guards only.

Once a second, a sweep looks at the oldest messages that some member has yet to present, and notes
a few of the members who are missing it and are connected. A message is overdue as long as one of
them stays on the same connection without presenting it. The sweep looks at a bounded number of
messages and members, so its result is a lower bound. The judge reads the whole history instead.
"""

from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from gauntlet.core.clock import NS_PER_S
from gauntlet.scenarios.metrics.delivery_ledger import Ledger

MESSAGES_MAX = 2_000
MEMBERS_MAX = 4


class Overdue(NamedTuple):
    """The ages in seconds of the oldest suspicions, 0 without any.

    `unseen_s` is that of a message that no member has presented, `undelivered_s` that of any.
    """

    unseen_s: float = 0.0
    undelivered_s: float = 0.0


class _Waiting(NamedTuple):
    """A message: since when it is missing, and at whom, as (bit of the member, connection)."""

    since_ns: int
    members: tuple[tuple[int, int, int], ...]  # bit, device, number of the connection


class OverdueSweep:
    """The sweeps of one worker.

    `connection_of` returns the number of the connection on which a device reads, 0 without one.
    """

    def __init__(self, ledger: Ledger, connection_of: Callable[[int], int]) -> None:
        self._ledger = ledger
        self._connection_of = connection_of
        self._waiting: dict[tuple[int, int], _Waiting] = {}

    def sweep(self, now_ns: int) -> Overdue:
        """Look at the messages that are missing somewhere; call it once a second."""
        found: dict[tuple[int, int], _Waiting] = {}
        unseen_ns = undelivered_ns = now_ns
        for conv, key, missing, seen in islice(self._ledger.waiting(), MESSAGES_MAX):
            waiting = self._still_waiting(self._waiting.get((conv, key)), missing)
            waiting = waiting or self._first_seen(conv, missing, now_ns)
            if waiting is None:
                continue
            found[conv, key] = waiting
            undelivered_ns = min(undelivered_ns, waiting.since_ns)
            if not seen:
                unseen_ns = min(unseen_ns, waiting.since_ns)
        self._waiting = found
        return Overdue((now_ns - unseen_ns) / NS_PER_S, (now_ns - undelivered_ns) / NS_PER_S)

    def _still_waiting(self, waiting: _Waiting | None, missing: int) -> _Waiting | None:
        """Return what is left of an earlier sweep; None if no member has waited since then."""
        if waiting is None:
            return None
        left = tuple(
            (bit, device, number)
            for bit, device, number in waiting.members
            if bit & missing and self._connection_of(device) == number
        )
        return _Waiting(waiting.since_ns, left) if left else None

    def _first_seen(self, conv: int, missing: int, now_ns: int) -> _Waiting | None:
        """Return a new suspicion; None if no member who is missing the message is connected."""
        members = (
            (bit, device, number)
            for device, bit in self._ledger.members(conv)
            if bit & missing and (number := self._connection_of(device))
        )
        chosen = tuple(islice(members, MEMBERS_MAX))
        return _Waiting(now_ns, chosen) if chosen else None
