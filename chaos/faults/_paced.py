"""What bandwidth and slicer share: bytes need time, and an exchange shows how much."""

from abc import abstractmethod
from typing import ClassVar

from gauntlet.chaos.clients.link_exchange import Exchange
from gauntlet.chaos.faults._toxic_fault import ToxicFault, gained_ms

_REQUEST_BYTES = 40  # less than any request that can be repeated, except an inline PING
_EXCHANGE_MS = 100  # an exchange of this length is not mistaken for a slow machine
_SHOWN_MS = 5.0  # less may come from the machine
_REPEAT_MAX = 400


class PacedFault(ToxicFault):
    """A fault that delays bytes by their number.

    Proof: an exchange takes at least half as much longer as its bytes need.
    """

    attempts: ClassVar[int] = 3  # a single one may be late by chance

    @abstractmethod
    def needed_ms(self, size: int) -> float:
        """Return how long so many bytes need at least in one direction."""

    def repeat(self) -> int:
        """Return as many requests as take long enough to be seen."""
        size = _REQUEST_BYTES
        while self.needed_ms(size) < _EXCHANGE_MS and size < _REPEAT_MAX * _REQUEST_BYTES:
            size += _REQUEST_BYTES
        return size // _REQUEST_BYTES

    def timeout_s(self, slowest_ms: float) -> float:
        """Wait for the answer to all requests."""
        return 2.0 + 5 * slowest_ms / 1000

    def is_shown_by(self, before: Exchange, now: Exchange) -> bool:
        """Whether the last byte came late enough; an answer that is incomplete shows nothing."""
        needed_ms = max(
            self.needed_ms(now.sent if stream == "upstream" else now.received)
            for stream in self.streams
        )
        late_ms = gained_ms(before.last_ms, now.last_ms)
        visible = needed_ms >= _SHOWN_MS and now.received >= before.received
        return visible and late_ms >= max(_SHOWN_MS, needed_ms / 2)
