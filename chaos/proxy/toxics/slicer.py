"""Cuts chunks into small pieces, so that readers must handle partial messages."""

import msgspec

from gauntlet.chaos.proxy.toxics._delayed import Chunk, DelayedStage
from gauntlet.chaos.proxy.toxics._stage import Int64


class Attributes(msgspec.Struct, frozen=True):
    """Bytes, plus or minus at most `size_variation`; `delay` in microseconds after each piece."""

    average_size: Int64 = 0
    size_variation: Int64 = 0
    delay: Int64 = 0

    def __post_init__(self) -> None:
        if self.average_size < 1:
            raise ValueError("average_size must be 1 or more")
        if not 0 <= self.size_variation <= self.average_size:
            raise ValueError("size_variation must be between 0 and average_size")


class Slicer(DelayedStage):
    """Cuts pieces of uniformly varied size; only the last piece of a chunk may be smaller."""

    schema = Attributes
    attributes: Attributes

    def due_s(self, chunk: Chunk) -> float:
        return max(chunk.arrived_s, self.last_due_s + self.attributes.delay / 1_000_000)

    def piece_bytes(self) -> int:
        variation = self.attributes.size_variation
        return max(1, self.attributes.average_size + self.random.randint(-variation, variation))
