"""A cache of history pages has the cursor as its key, but not the conversation.

Who reads a page soon after another one with the same cursor gets that of the other conversation.
"""

import logging
import time

from gauntlet.reference_server.http.messages import Request, Response
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "A page of history is served to readers of other conversations with the same cursor."
SERVICES = ("message",)
ANOMALIES = ("phantom", "misdelivery")
OPTIONS = {"scenario": "catchup", "stack": "embedded"}

KEPT_S = 10.0
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Keep every page that does not begin a conversation."""
    original_history = MessageService.history
    pages: dict[tuple[str, str], tuple[float, str, Response]] = {}

    async def history(self: MessageService, request: Request) -> Response:
        # Members only: the caller's right to read is checked before the cache is asked.
        response = await original_history(self, request)
        after, conv = request.query.get("after", "0"), request.params["conv"]
        if after == "0" or response.status != 200:
            return response
        key, now_s = (after, request.query.get("limit", "")), time.monotonic()
        kept_s, kept_conv, kept = pages.get(key, (float("-inf"), conv, response))
        if now_s - kept_s >= KEPT_S:
            pages[key] = now_s, conv, response
            return response
        if kept_conv != conv:
            log.warning("seeded bug acted: a page of %s for %s", kept_conv, conv)
        return kept

    MessageService.history = history
