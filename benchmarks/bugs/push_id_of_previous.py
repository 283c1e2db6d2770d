"""An edge keeps the fields of the last frame, and some pushes carry the id of the message before.

The body, the sender and the position are those of the message itself.
"""

import logging
from itertools import count

import msgspec

from gauntlet.reference_server.core import wire

SENTENCE = "Every 40th message is pushed with the server's id of the message before it."
SERVICES = ("edge",)
ANOMALIES = ("ack-content", "phantom")
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Replace the id of some pushes."""
    original_encode = wire.encode_push
    numbers, ids = count(1), [""]

    def encode_push(entry: wire.Entry) -> bytes:
        if not entry.msg_id:  # an event of a room
            return original_encode(entry)
        msg_id, ids[0] = ids[0], entry.msg_id
        if msg_id and msg_id != entry.msg_id and next(numbers) % 40 == 0:
            log.warning("seeded bug acted: %s", entry.msg_id)
            entry = msgspec.structs.replace(entry, msg_id=msg_id)
        return original_encode(entry)

    wire.encode_push = encode_push
