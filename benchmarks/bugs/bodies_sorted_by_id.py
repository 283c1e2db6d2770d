"""The bodies of a short page are fetched by their ids, and come back in the order of the ids.

They are joined to the positions without a sort; longer pages are read by a join.
"""

import logging

import msgspec

from gauntlet.reference_server.http.messages import Request, Response, reply
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "On pages of at most 20 messages, the bodies are in the order of the message ids."
SERVICES = ("message",)
ANOMALIES = ("position", "phantom")
OPTIONS = {"scenario": "catchup", "stack": "embedded"}

FETCHED_MAX = 20
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Deal the bodies of a page of the public history out in the order of the ids."""
    original_history = MessageService.history

    async def history(self: MessageService, request: Request) -> Response:
        response = await original_history(self, request)
        page = msgspec.json.decode(response.body)
        messages = [entry for entry in page["messages"] if entry["type"] == "msg"]
        by_id = sorted(messages, key=lambda entry: entry["msg_id"])
        if by_id == messages or len(messages) > FETCHED_MAX:
            return response
        log.warning("seeded bug acted: %d messages", len(messages))
        bodies = [entry["body"] for entry in by_id]
        for entry, body in zip(messages, bodies, strict=True):
            entry["body"] = body
        return reply(page, response.status)

    MessageService.history = history
