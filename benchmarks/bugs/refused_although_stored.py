"""A gateway that gets no answer from the message service tells the sender that it is refused.

The answer says that nothing is stored, and that a retry is useless.
"""

import logging

import msgspec

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.gateway.gateway import Gateway
from gauntlet.reference_server.http.messages import Request, Response

SENTENCE = "A send whose answer was lost is refused for good although it may be stored."
SERVICES = ("gateway",)
ANOMALIES = ("phantom",)
OPTIONS = {"scenario": "unanswered", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Turn an unknown outcome into a certain one."""
    original_send = Gateway._send

    async def send(self: Gateway, request: Request) -> Response:
        try:
            response = await original_send(self, request)
        except ApiError as error:
            if error.stored == "no":
                raise
        else:
            body = response.body if response.status >= 300 else b"{}"
            if msgspec.json.decode(body).get("error", {}).get("stored") != "unknown":
                return response
        log.warning("seeded bug acted: a send of %s", request.user)
        raise ApiError("forbidden", "the message was not delivered")

    Gateway._send = send
