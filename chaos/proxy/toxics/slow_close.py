"""Delays the end of a stream."""

import msgspec

from gauntlet.chaos.proxy.toxics._delayed import Chunk, DelayedStage


class Attributes(msgspec.Struct, frozen=True):
    """`delay` in milliseconds."""

    delay: int = 0


class SlowClose(DelayedStage):
    """Forwards bytes immediately and the end after `delay`."""

    schema = Attributes
    attributes: Attributes

    def due_s(self, chunk: Chunk) -> float:
        return chunk.arrived_s

    def end_due_s(self, arrived_s: float) -> float:
        return arrived_s + self.attributes.delay / 1000
