"""The history is sorted by a time stamp in seconds, and within a second by the client's id.

Only clients that read the history see this order.
"""

import logging

import msgspec

from gauntlet.reference_server.http.messages import Request, Response, reply
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "Messages of the same second are in the order of their ids when read from the history."
SERVICES = ("message",)
ANOMALIES = ("history-order",)
OPTIONS = {"scenario": "catchup", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Sort every page of the public history."""
    original_history = MessageService.history

    async def history(self: MessageService, request: Request) -> Response:
        response = await original_history(self, request)
        page = msgspec.json.decode(response.body)
        ordered = sorted(
            page["messages"],
            key=lambda entry: (entry["ts"] // 1000, entry.get("client_msg_id", "")),
        )
        if ordered == page["messages"]:
            return response
        log.warning("seeded bug acted: %d messages", len(ordered))
        return reply({**page, "messages": ordered}, response.status)

    MessageService.history = history
