"""An edge reuses a frame, and every 50th push carries the sender of the previous message."""

import logging
from itertools import count

import msgspec

from gauntlet.reference_server.core import wire

SENTENCE = "Every 50th message is pushed under the sender of the message before it."
SERVICES = ("edge",)
ANOMALIES = ("misdelivery", "phantom")
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Replace the sender of some pushes."""
    original_encode = wire.encode_push
    numbers, senders = count(1), [""]

    def encode_push(entry: wire.Entry) -> bytes:
        sender, senders[0] = senders[0], entry.sender or senders[0]
        if entry.sender and sender and sender != entry.sender and next(numbers) % 50 == 0:
            log.warning("seeded bug acted: %s", entry.msg_id)
            entry = msgspec.structs.replace(entry, sender=sender)
        return original_encode(entry)

    wire.encode_push = encode_push
