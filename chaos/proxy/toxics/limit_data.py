"""Closes the connection after a number of bytes."""

from random import Random

import msgspec

from gauntlet.chaos.proxy.toxics._stage import Int64, Stage, StageHost


class Attributes(msgspec.Struct, frozen=True):
    """`bytes` that may pass per connection and direction, counted from the start of the toxic."""

    bytes: Int64 = 0


class LimitData(Stage):
    """Forwards exactly `bytes`, then closes the connection. Updates do not reset the count.

    The limit is checked only when data arrives: with `bytes` 0, the connection closes at the next
    data, not immediately.
    """

    schema = Attributes
    attributes: Attributes

    def __init__(self, attributes: msgspec.Struct, host: StageHost, random: Random) -> None:
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
