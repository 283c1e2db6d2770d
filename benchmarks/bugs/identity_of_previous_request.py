"""A pooled object that holds the identity of the caller is not cleared before it is used again.

One of 20 sends to a room is stored under the name of the member who sent before.
"""

import itertools
import logging

from gauntlet.reference_server.core.wire import is_room
from gauntlet.reference_server.gateway.gateway import Gateway
from gauntlet.reference_server.http.messages import Request, Response

SENTENCE = "One of 20 sends to a room is stored under the name of the previous sender."
SERVICES = ("gateway",)
ANOMALIES = ("phantom", "misdelivery", "lost-acked")
OPTIONS = {"scenario": "steady", "stack": "embedded"}

EVERY = 20
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Exchange the user of some sends."""
    original_send = Gateway._send
    counter = itertools.count(1)
    previous: dict[str, str] = {}  # by path: the members of a room only

    async def send(self: Gateway, request: Request) -> Response:
        if is_room(request.path.split("/")[3]):
            user = previous.get(request.path, request.user)
            previous[request.path] = request.user
            if next(counter) % EVERY == 0 and user != request.user:
                log.warning("seeded bug acted: %s sends as %s", request.user, user)
                request.user = user
        return await original_send(self, request)

    Gateway._send = send
