"""An edge keeps the last few frames that it has encoded, by sender and position only.

A message whose sender wrote at the same position of another conversation a moment ago is pushed
as that other message.
"""

import logging
from collections import OrderedDict

from gauntlet.reference_server.core import wire

SENTENCE = "The cache of encoded pushes has a key without the conversation."
SERVICES = ("edge",)
ANOMALIES = ("misdelivery",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}
KEPT = 24

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Look messages up by sender and position before they are encoded."""
    original = wire.encode_push
    cache: OrderedDict[tuple[str, int], tuple[str, bytes]] = OrderedDict()

    def encode_push(entry: wire.Entry) -> bytes:
        if entry.type == "room":
            return original(entry)
        key = entry.sender, entry.seq
        if key not in cache:
            cache[key] = entry.conv, original(entry)
            if len(cache) > KEPT:
                cache.popitem(last=False)
        conv, frame = cache[key]
        if conv != entry.conv:
            log.warning("seeded bug acted: %s is pushed for %s", conv, entry.conv)
        return frame

    wire.encode_push = encode_push
