"""Closes after a number of bytes."""

from random import Random

import msgspec

from gauntlet.chaos.proxy.toxics._stage import Host, Stage


class Attributes(msgspec.Struct, frozen=True):
    """`bytes` of this connection and direction that may pass, counted from the toxic's start."""

    bytes: int = 0


class LimitData(Stage):
    """Exactly `bytes` pass, then the connection closes. The count survives updates.

    It looks only when data comes: `bytes` 0 closes at the next data, not at once.
    """

    schema = Attributes
    attributes: Attributes

    def __init__(self, attributes: msgspec.Struct, host: Host, random: Random) -> None:
        super().__init__(attributes, host, random)
        self._passed = 0
        self._ended = False

    def feed(self, data: bytes) -> None:
        if self._ended:
            return
        piece = data[: max(0, self.attributes.bytes - self._passed)]
        self._passed += len(piece)
        if piece:
            self.next.feed(piece)
        if self._passed >= self.attributes.bytes:
            self.end()

    def end(self) -> None:
        self._ended = True
        self.next.end()
