"""A gateway keeps the answer that a client did not wait for, and gives it to the next send.

Every 40th answer takes longer than a client waits.
"""

import asyncio
import logging
from itertools import count

from gauntlet.reference_server.gateway.gateway import Gateway
from gauntlet.reference_server.http.messages import Request, Response

SENTENCE = "After a time-out, a user's next send receives the answer to the one before it."
SERVICES = ("gateway",)
ANOMALIES = ("ack-content", "position")
OPTIONS = {"scenario": "steady", "stack": "embedded"}

SLOW_S = 2.5  # the clients of the scenario wait for 2 s
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Keep late answers by user, and exchange them for the answer to a later send."""
    original_send = Gateway._send
    numbers = count(1)
    unread: dict[str, Response] = {}

    async def send(self: Gateway, request: Request) -> Response:
        response = await original_send(self, request)
        if response.status >= 300:
            return response
        earlier = unread.pop(request.user, None)
        if earlier is not None:
            log.warning("seeded bug acted: %s instead of %s", earlier.body, response.body)
            return earlier
        if next(numbers) % 40 == 0:
            unread[request.user] = response
            await asyncio.sleep(SLOW_S)
        return response

    Gateway._send = send
