"""The answers of a Socket.IO server (version 5 over Engine.IO 4, in WebSocket text frames). Pure.

It supports clients that connect by WebSocket directly, use the namespace `/` and request
acknowledgements. An acknowledgement returns the arguments of the event, as an echo.
"""

import re

PATH = b"/socket.io/"
# The server would ping first after a day: other clients of the echo are not pinged either.
OPEN = b'0{"sid":"e","upgrades":[],"pingInterval":86400000,"pingTimeout":86400000}'

_CONNECT, _CONNECTED = b"40", b'40{"sid":"s"}'
# An event (42) with its number, its name without quotes, and its arguments or the end.
_EVENT = re.compile(rb'42(\d+)\["[^"]*",?')


def answer(packet: bytes) -> bytes | None:
    """Return the answer to a packet of a client, or None if it needs none."""
    if event := _EVENT.match(packet):
        return b"43%b[%b" % (event[1], packet[event.end() :])
    return _CONNECTED if packet.startswith(_CONNECT) else None


def is_event(packet: bytes) -> bool:
    """Return whether a packet is a message and not part of connection management."""
    return packet.startswith(b"42")
