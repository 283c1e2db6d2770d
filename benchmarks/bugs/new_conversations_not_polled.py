"""The heads poll joins the conversations that existed when the poll before it ended.

One that began since is left out, and the next poll continues after it.
"""

import logging

from gauntlet.reference_server.core.internal_api import HeadsPage
from gauntlet.reference_server.store.messages import MessageReader

SENTENCE = "A conversation that begins between two heads polls is found by neither of them."
SERVICES = ("message",)
ANOMALIES = ("undelivered", "late")
OPTIONS = {"scenario": "new-conversations", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Remember the conversations at each watermark, and leave the others out of the next page."""
    original_since = MessageReader.heads_since
    existing: dict[int, set[str]] = {}

    async def heads_since(self: MessageReader, watermark: int) -> HeadsPage:
        page = await original_since(self, watermark)
        rows = await self._db.fetch("SELECT conv FROM conversations")
        known = existing.get(watermark, set(page.heads))
        existing.setdefault(page.watermark, {conv for (conv,) in rows})
        left_out = page.heads.keys() - known
        if left_out:
            log.warning("seeded bug acted: %d conversations", len(left_out))
        heads = {conv: head for conv, head in page.heads.items() if conv in known}
        return HeadsPage(heads, page.watermark, page.members)

    MessageReader.heads_since = heads_since
