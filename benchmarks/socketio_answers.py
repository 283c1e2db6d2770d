"""What a Socket.IO server says (version 5, below it Engine.IO 4, all in WebSocket texts). Pure.

Only as much as a client needs that comes by WebSocket at once, speaks on the namespace `/`, and
has its events acknowledged. An acknowledgement gives the event's arguments back: an echo.
"""

import re

PATH = b"/socket.io/"
# Nobody is pinged, as no other client of the echo is: it is for the server to begin, in a day.
OPEN = b'0{"sid":"e","upgrades":[],"pingInterval":86400000,"pingTimeout":86400000}'

_CONNECT, _CONNECTED = b"40", b'40{"sid":"s"}'
# Event 42, its number, its name, and its arguments or the end; the name has no quotes in it.
_EVENT = re.compile(rb'42(\d+)\["[^"]*",?')


def answer(packet: bytes) -> bytes | None:
    """To a packet of a client; None where it wants none."""
    if event := _EVENT.match(packet):
        return b"43%b[%b" % (event[1], packet[event.end() :])
    return _CONNECTED if packet.startswith(_CONNECT) else None


def is_event(packet: bytes) -> bool:
    """Whether it is a message, rather than about the connection."""
    return packet.startswith(b"42")
