"""A WebSocket frame with a payload of exactly 126 bytes is written with the short header.

126 in the first length byte announces two further bytes of length, so the client takes the first
two bytes of the payload for the length and waits for a frame that long.
"""

import logging

from gauntlet.reference_server.edge import client_socket, subscriptions

SENTENCE = "A frame of exactly 126 bytes has a wrong header, and its client reads nothing after it."
SERVICES = ("edge",)
ANOMALIES = ("late",)
OPTIONS = {"scenario": "crowd", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Move the boundary between the two short headers by one."""
    original = client_socket.text_frame

    def text_frame(payload: bytes) -> bytes:
        if len(payload) != 126:
            return original(payload)
        log.warning("seeded bug acted: %.80s", payload)
        return bytes((0x81, 126)) + payload

    client_socket.text_frame = text_frame
    subscriptions.text_frame = text_frame
