"""An edge stamps messages itself when it pushes them.

The stamp is a few milliseconds later than that of the acknowledgement and of the history.
"""

import logging

import msgspec

from gauntlet.reference_server.core import clock, wire

SENTENCE = "A push has the time of the push, not the time stamp of the message."
SERVICES = ("edge",)
ANOMALIES = ("timestamps",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Replace the time stamp of every pushed message."""
    original_encode = wire.encode_push

    def encode_push(entry: wire.Entry) -> bytes:
        stamped_ms = int(clock.now_s() * 1000)
        if entry.msg_id and stamped_ms != entry.ts:
            log.warning("seeded bug acted: %s", entry.msg_id)
            entry = msgspec.structs.replace(entry, ts=stamped_ms)
        return original_encode(entry)

    wire.encode_push = encode_push
