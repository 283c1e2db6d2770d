"""The service remembers for two seconds where the history of a conversation ends.

A member who reads it again in that time does not find what was sent since.
"""

import logging
import time

import msgspec

from gauntlet.reference_server.http.messages import Request, Response, reply
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "A page of history ends where the conversation ended up to two seconds earlier."
SERVICES = ("message",)
ANOMALIES = ("history-regress",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

KEPT_S = 2.0
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Cut pages at a head that is read again only every two seconds."""
    original_history = MessageService.history
    ends: dict[str, tuple[float, int]] = {}

    async def history(self: MessageService, request: Request) -> Response:
        response = await original_history(self, request)
        if response.status != 200:
            return response
        page = msgspec.json.decode(response.body)
        conv, now_s = request.params["conv"], time.monotonic()
        read_s, end = ends.get(conv, (0.0, 0))
        if now_s - read_s > KEPT_S:
            ends[conv] = now_s, page["head"]
        elif end < page["head"]:
            log.warning("seeded bug acted: %s ends at %d, not at %d", conv, end, page["head"])
            page["messages"] = [entry for entry in page["messages"] if entry["seq"] <= end]
            page["head"] = end
        return reply(page, response.status)

    MessageService.history = history
