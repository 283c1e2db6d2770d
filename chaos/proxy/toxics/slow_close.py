"""Delays the end of a stream."""

import msgspec

from gauntlet.chaos.proxy.toxics._delayed import Paced, Parcel


class Attributes(msgspec.Struct, frozen=True):
    """`delay` in milliseconds."""

    delay: int = 0


class SlowClose(Paced):
    """Bytes pass at once; the close comes later."""

    schema = Attributes
    attributes: Attributes

    def due_s(self, parcel: Parcel) -> float:
        return parcel.arrived_s

    def end_due_s(self, arrived_s: float) -> float:
        return arrived_s + self.attributes.delay / 1000
