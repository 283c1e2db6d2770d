"""A message service takes a conversation without blocks for one of which there is nothing new.

The list of changed blocks has no users for it after the last block was removed.
"""

import logging

from gauntlet.reference_server.services.send_policy import SendPolicy

SENTENCE = "A message service never forgets a block until it is restarted."
SERVICES = ("message",)
ANOMALIES = ("contacts",)
OPTIONS = {"scenario": "blocks", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Keep what was known of conversations whose last block was removed."""
    original = SendPolicy.refresh_blocks

    async def refresh_blocks(self: SendPolicy) -> None:
        known = dict(self._blockers)
        await original(self)
        for conv, blockers in known.items():
            if blockers and not self._blockers.get(conv):
                log.warning("seeded bug acted: the block in %s stays", conv)
                self._blockers[conv] = blockers

    SendPolicy.refresh_blocks = refresh_blocks
