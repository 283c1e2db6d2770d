"""A message service compares blocks with the first user of a conversation only.

The block of the user whose name comes second does not keep the other one from writing.
"""

import logging

from gauntlet.reference_server.services.send_policy import SendPolicy
from gauntlet.reference_server.store.base import Refused

SENTENCE = "A block has no effect if the name of the user who blocks comes second."
SERVICES = ("message",)
ANOMALIES = ("access",)
OPTIONS = {"scenario": "blocks", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Allow what the first user of a direct conversation sends."""
    original = SendPolicy.rejection

    def rejection(self: SendPolicy, conv: str, sender: str, sticker: str | None) -> Refused | None:
        refused = original(self, conv, sender, sticker)
        if refused is not None and conv.startswith(f"d.{sender}."):
            log.warning("seeded bug acted: %s writes to %s", sender, conv)
            return None
        return refused

    SendPolicy.rejection = rejection
