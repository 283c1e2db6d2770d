"""Closes the connection by RST."""

import msgspec

from gauntlet.chaos.proxy.toxics._stage import Int64, Stage


class Attributes(msgspec.Struct, frozen=True):
    """`timeout` in milliseconds, from the arrival of the first data or the end to the reset."""

    timeout: Int64 = 0


class ResetPeer(Stage):
    """Waits for data or the end, drops it, and resets both sockets."""

    schema = Attributes
    attributes: Attributes

    def feed(self, data: bytes) -> None:
        self.end()

    def end(self) -> None:
        if self._timer is None:
            delay_s = max(0, self.attributes.timeout) / 1000
            self._timer = self.host.call_later(delay_s, self.host.reset)

    def release(self) -> None:
        # Data was dropped, so the stream has a hole: a pending reset is carried out.
        if self._timer is not None:
            self.cancel()
            self.host.reset()
