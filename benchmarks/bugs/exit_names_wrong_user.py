"""An edge reuses the frame of a room event, and an exit names the user of the event before it."""

import logging

import msgspec

from gauntlet.reference_server.core import wire

SENTENCE = "The push of an exit names another user than the one who exited."
SERVICES = ("edge",)
ANOMALIES = ("exit",)
OPTIONS = {"scenario": "rooms", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Replace the user of pushed exits."""
    original_encode = wire.encode_push
    users = [""]

    def encode_push(entry: wire.Entry) -> bytes:
        if entry.type != "room":
            return original_encode(entry)
        user, users[0] = users[0], entry.user
        if entry.event == "exited" and user and user != entry.user:
            log.warning("seeded bug acted: %s for %s", user, entry.user)
            entry = msgspec.structs.replace(entry, user=user)
        return original_encode(entry)

    wire.encode_push = encode_push
