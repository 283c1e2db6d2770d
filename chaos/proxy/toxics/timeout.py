"""Drops all data, and closes the connection after a silence."""

import msgspec

from gauntlet.chaos.proxy.toxics._stage import Int64, Stage


class Attributes(msgspec.Struct, frozen=True):
    """`timeout` in milliseconds; 0 never closes."""

    timeout: Int64 = 0


class Timeout(Stage):
    """Every chunk restarts the timer, as in Toxiproxy, so a busy link is never closed."""

    schema = Attributes
    closes_on_removal = True
    attributes: Attributes

    def start(self) -> None:
        self._restart_timer()

    def feed(self, data: bytes) -> None:
        self._restart_timer()

    def update(self, attributes: msgspec.Struct) -> None:
        super().update(attributes)
        self._restart_timer()

    def _restart_timer(self) -> None:
        self.cancel()
        if self.attributes.timeout > 0:
            self._timer = self.host.call_later(self.attributes.timeout / 1000, self.end)
