"""The poll for changed heads asks for `changed > watermark`, where `>=` was meant.

The first commit after each poll is not among the changes of the next one.
"""

import logging

from gauntlet.reference_server.core.internal_api import HeadsPage
from gauntlet.reference_server.store.messages import MessageReader

SENTENCE = "Without the broker, the first commit after each poll of the heads is overlooked."
SERVICES = ("message",)
ANOMALIES = ("undelivered", "late")
OPTIONS = {"scenario": "new-conversations", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Ask for what changed after the watermark."""
    original_since = MessageReader.heads_since

    async def heads_since(self: MessageReader, watermark: int) -> HeadsPage:
        complete = await original_since(self, watermark)
        page = await original_since(self, watermark + 1)
        overlooked = complete.heads.keys() - page.heads.keys()
        for conv in overlooked:
            log.warning("seeded bug acted: %s", conv)
        return HeadsPage(page.heads, complete.watermark, page.members)

    MessageReader.heads_since = heads_since
