"""Delays every chunk."""

import msgspec

from gauntlet.chaos.proxy.toxics._delayed import Chunk, DelayedStage
from gauntlet.chaos.proxy.toxics._stage import Int64


class Attributes(msgspec.Struct, frozen=True):
    """Milliseconds: each chunk is delayed by `latency`, plus or minus at most `jitter`."""

    latency: Int64 = 0
    jitter: Int64 = 0


class Latency(DelayedStage):
    """Uniform jitter. Chunks never overtake each other, so jitter biases the delay upwards."""

    schema = Attributes
    buffer_bytes = 32 * 1024 * 1024  # bytes in flight on a fast link: Toxiproxy's 1,024 chunks
    attributes: Attributes

    def due_s(self, chunk: Chunk) -> float:
        jitter_ms = max(0, self.attributes.jitter) * (2 * chunk.fraction - 1)
        delay_s = (self.attributes.latency + jitter_ms) / 1000
        return max(self.last_due_s, chunk.arrived_s + delay_s)
