"""The length of a body is kept in 15 bits, so the bodies of pushes beyond 32 KiB are cut there.

The history has them whole.
"""

import logging

import msgspec

from gauntlet.reference_server.core import wire

SENTENCE = "A push has at most the first 32,767 bytes of a message."
SERVICES = ("edge",)
ANOMALIES = ("phantom",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Cut what is pushed."""
    original_encode = wire.encode_push

    def encode_push(entry: wire.Entry) -> bytes:
        encoded = entry.body.encode()
        if len(encoded) >= 1 << 15:
            log.warning("seeded bug acted: %s", entry.msg_id)
            body = encoded[: (1 << 15) - 1].decode(errors="ignore")
            entry = msgspec.structs.replace(entry, body=body)
        return original_encode(entry)

    wire.encode_push = encode_push
