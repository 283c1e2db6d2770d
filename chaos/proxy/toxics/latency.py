"""Delays every chunk."""

import msgspec

from gauntlet.chaos.proxy.toxics._delayed import Paced, Parcel


class Attributes(msgspec.Struct, frozen=True):
    """Milliseconds: each chunk is late by `latency`, plus or minus at most `jitter`."""

    latency: int = 0
    jitter: int = 0


class Latency(Paced):
    """Uniform jitter; a chunk never overtakes the one before it, so jitter adds a bias upwards."""

    schema = Attributes
    buffer_bytes = 32 * 1024 * 1024  # a fast link's bytes in flight, as Toxiproxy's 1,024 chunks
    attributes: Attributes

    def due_s(self, parcel: Parcel) -> float:
        jitter_ms = max(0, self.attributes.jitter) * (2 * parcel.luck - 1)
        delay_s = (self.attributes.latency + jitter_ms) / 1000
        return max(self.last_due_s, parcel.arrived_s + delay_s)
