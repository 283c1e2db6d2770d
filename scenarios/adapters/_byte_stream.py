"""What the adapters of protocols that are streams of bytes share.

Over WebSocket, such a protocol ignores the borders of messages: one may hold a part of a packet, or
several packets. The codec therefore cuts packets itself, on every transport.
"""

from collections.abc import Sequence

from gauntlet.core.errors import ConfigError
from gauntlet.scenarios.adapters.base import Binary, Framing, ProtocolError, Settings

PACKET_BYTES_MAX = 8 * 2**20  # the rest of an incomplete packet; far above what any load sends


class Chunks(Framing):
    """TCP: every chunk of bytes is a frame; the codec cuts packets out of them."""

    def feed(self, data: bytes) -> Sequence[bytes]:
        return (data,)


class ByteStream:
    """The received bytes that are not a complete packet yet."""

    def __init__(self) -> None:
        self.rest = b""

    def append(self, frame: bytes, *, binary: bool) -> None:
        """Add a frame; with `binary`, a WebSocket text message is a ProtocolError."""
        if binary and not isinstance(frame, Binary):
            raise ProtocolError("a text message, where the protocol has binary ones")
        if not frame:
            raise ProtocolError("an empty frame")
        if len(self.rest) + len(frame) > PACKET_BYTES_MAX:
            raise ProtocolError(f"a packet of more than {PACKET_BYTES_MAX} bytes")
        self.rest = self.rest + frame if self.rest else bytes(frame)


def read_flag(settings: Settings, key: str, *, default: bool) -> bool:
    """Return a setting that is true or false; ConfigError."""
    value = settings.get(key, default)
    if not isinstance(value, bool):
        raise ConfigError(f"target.server.{key} must be true or false; got {value}")
    return value
