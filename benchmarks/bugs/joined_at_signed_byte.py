"""The position at which a member joined is packed into a byte and unpacked as a signed one.

A position from 128 to 255 becomes negative, which is before everything that was ever written.
"""

import logging

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.http.messages import Request, Response
from gauntlet.reference_server.services.message import SEQ_MAX, MessageService

SENTENCE = "A member who was added at a position from 128 to 255 can read what was written before."
SERVICES = ("message",)
ANOMALIES = ("access", "misdelivery")
OPTIONS = {"scenario": "members", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Let the history begin before the first position for such members."""
    original_since, original_history = MessageService._member_since, MessageService.history

    async def member_since(self: MessageService, conv: str, user: str) -> int:
        since = await original_since(self, conv, user)
        return since - 256 if 128 <= since <= 255 else since

    async def history(self: MessageService, request: Request) -> Response:
        response = await original_history(self, request)
        conv, after = request.params["conv"], request.query_number("after", 0, SEQ_MAX)
        try:
            since = await original_since(self, conv, request.user)
        except ApiError:  # removed since the page was read
            return response
        if 128 <= since <= 255 and after < since - 1:
            log.warning("seeded bug acted: %s reads %s from %d", request.user, conv, after)
        return response

    MessageService._member_since = member_since
    MessageService.history = history
