"""Limits the rate of a direction."""

from collections.abc import Iterable

import msgspec

from gauntlet.chaos.proxy.toxics._delayed import Chunk, DelayedStage

_SLICE_MS = 100


class Attributes(msgspec.Struct, frozen=True):
    """`rate` in KB/s, 1 KB = 1,000 bytes; 0 lets nothing through and loses nothing."""

    rate: int = 0

    def __post_init__(self) -> None:
        if self.rate < 0:
            raise ValueError("rate must be 0 or more")


class Bandwidth(DelayedStage):
    """Forwards a chunk when its transmission time has passed; large ones in slices of 100 ms."""

    schema = Attributes
    attributes: Attributes

    def due_s(self, chunk: Chunk) -> float | None:
        if self.attributes.rate == 0:
            return None
        bytes_per_s = self.attributes.rate * 1000
        return max(self.last_due_s, chunk.arrived_s) + chunk.size / bytes_per_s

    def split(self, data: bytes) -> Iterable[bytes]:
        size = self.attributes.rate * _SLICE_MS or len(data)
        return (data[at : at + size] for at in range(0, len(data), size))
