"""Delays the end of a stream."""

import msgspec

from gauntlet.chaos.proxy.toxics._delayed import Chunk, DelayedStage
from gauntlet.chaos.proxy.toxics._stage import Int64


class Attributes(msgspec.Struct, frozen=True):
    """`delay` in milliseconds."""

    delay: Int64 = 0


class SlowClose(DelayedStage):
    """Forwards bytes immediately and the end after `delay`."""

    schema = Attributes
    attributes: Attributes

    def due_s(self, chunk: Chunk) -> float:
        return chunk.arrived_s

    def end_due_s(self, arrived_s: float) -> float:
        return arrived_s + self.attributes.delay / 1000
