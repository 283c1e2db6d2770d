"""Drops all data and closes after a silence."""

import msgspec

from gauntlet.chaos.proxy.toxics._stage import Stage


class Attributes(msgspec.Struct, frozen=True):
    """`timeout` in milliseconds; 0 never closes."""

    timeout: int = 0


class Timeout(Stage):
    """Every chunk starts the wait anew, so a chatty link is never closed: as Toxiproxy does."""

    schema = Attributes
    closes_on_removal = True
    attributes: Attributes

    def start(self) -> None:
        self._wait()

    def feed(self, data: bytes) -> None:
        self._wait()

    def update(self, attributes: msgspec.Struct) -> None:
        super().update(attributes)
        self._wait()

    def _wait(self) -> None:
        self.cancel()
        if self.attributes.timeout > 0:
            self._timer = self.host.call_later(self.attributes.timeout / 1000, self.end)
