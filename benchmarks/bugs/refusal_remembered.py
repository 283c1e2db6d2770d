"""A gateway remembers the outcome of a send by its identity, also when it was a refusal.

A send that was refused while the message service was away is refused in every retry.
"""

import logging

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.gateway.gateway import Gateway
from gauntlet.reference_server.http.messages import Request, Response, error_response
from gauntlet.reference_server.services.send_values import SendBody

SENTENCE = "A send that was refused for a moment is refused for good when it is retried."
SERVICES = ("gateway",)
ANOMALIES = ("send-errors",)
OPTIONS = {"scenario": "message-away", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Repeat the first refusal of a message."""
    original_send = Gateway._send
    refused: dict[tuple[str, str], ApiError] = {}

    async def send(self: Gateway, request: Request) -> Response:
        key = request.user, request.json(SendBody).client_msg_id
        if key in refused:
            log.warning("seeded bug acted: %s of %s", key[1], key[0])
            return error_response(refused[key])
        try:
            return await original_send(self, request)
        except ApiError as error:
            if error.stored == "no" and error.code == "unavailable":
                refused[key] = error
            raise

    Gateway._send = send
