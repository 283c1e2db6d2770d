"""Limits the rate of a direction."""

import msgspec

from gauntlet.chaos.proxy.toxics._delayed import Chunk, DelayedStage
from gauntlet.chaos.proxy.toxics._stage import Int64

_SLICE_MS = 100
# What waits here must last until the source is read again, or the link is slower than its rate: a
# timer fires up to a millisecond late, and later while the machine is busy.
_BUFFER_MS = 50
_BUFFER_MIN_BYTES = 65_536
_BUFFER_MAX_BYTES = 32 * 1024 * 1024


class Attributes(msgspec.Struct, frozen=True):
    """`rate` in KB/s, 1 KB = 1,000 bytes; 0 lets nothing through and loses nothing."""

    rate: Int64 = 0

    def __post_init__(self) -> None:
        if self.rate < 0:
            raise ValueError("rate must be 0 or more")


class Bandwidth(DelayedStage):
    """Forwards a chunk when its transmission time has passed; large ones in slices of 100 ms."""

    schema = Attributes
    attributes: Attributes

    @property
    def buffer_bytes(self) -> int:  # type: ignore[override]  # depends on the rate
        rate_bytes = self.attributes.rate * _BUFFER_MS
        return min(max(_BUFFER_MIN_BYTES, rate_bytes), _BUFFER_MAX_BYTES)

    def due_s(self, chunk: Chunk) -> float | None:
        if self.attributes.rate == 0:
            return None
        bytes_per_s = self.attributes.rate * 1000
        return max(self.last_due_s, chunk.arrived_s) + chunk.size / bytes_per_s

    def piece_bytes(self) -> int | None:
        return self.attributes.rate * _SLICE_MS or None
