"""The server keeps a cursor for each user, and takes the later one of the cursor and the request.

When two devices of a user return, the second one gets only what the first one has not read yet.
"""

import logging

import msgspec

from gauntlet.reference_server.http.messages import Request, Response
from gauntlet.reference_server.services.message import MessageService

SENTENCE = "A device that returns is not given what another device of its user has read meanwhile."
SERVICES = ("message",)
ANOMALIES = ("history-gap", "undelivered")
OPTIONS = {"scenario": "catchup-devices", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Begin a page behind what any other device of the user was given."""
    original_history = MessageService.history
    read: dict[tuple[str, str], tuple[int, str]] = {}  # by user and conversation: how far, by whom

    async def history(self: MessageService, request: Request) -> Response:
        key, after = (request.user, request.params["conv"]), request.query.get("after", "0")
        cursor, device = read.get(key, (0, request.device))
        # A device without a cursor is new, and gets everything.
        if device != request.device and 0 < int(after) < cursor:
            log.warning("seeded bug acted: %s from %d instead of %s", key, cursor, after)
            request.query = {**request.query, "after": str(cursor)}
        response = await original_history(self, request)
        entries = msgspec.json.decode(response.body)["messages"]
        if entries and entries[-1]["seq"] > cursor:
            read[key] = entries[-1]["seq"], request.device
        return response

    MessageService.history = history
