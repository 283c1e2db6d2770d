"""A push carries the NFC form of a body, while the history keeps what was sent."""

import logging
import unicodedata

import msgspec

from gauntlet.reference_server.core import wire

SENTENCE = "Combining characters of a body are composed in pushes, but not in the history."
SERVICES = ("edge",)
ANOMALIES = ("phantom",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Normalise the body of what is pushed."""
    original_encode = wire.encode_push

    def encode_push(entry: wire.Entry) -> bytes:
        body = unicodedata.normalize("NFC", entry.body)
        if body != entry.body:
            log.warning("seeded bug acted: %s", entry.msg_id)
            entry = msgspec.structs.replace(entry, body=body)
        return original_encode(entry)

    wire.encode_push = encode_push
