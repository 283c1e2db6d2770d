"""The gateway takes 15 % longer for each send; nothing else changes.

No defect, but a change that a gate has to find. What it slows down is all that the server does for
a send, from the gateway's reading of its request until the response is known: after that, the
gateway waits for 15 % of the time that this took. The part of the clients and of the connection
does not change, so their acknowledgements come later by somewhat less than 15 %. Messages are
delivered as before, because a delivery follows the commit, not the answer to the sender.
"""

import asyncio
import time

from gauntlet.reference_server.gateway.gateway import Gateway
from gauntlet.reference_server.http.messages import Request, Response

SENTENCE = "The gateway takes 15 % longer for each send."
SERVICES = ("gateway",)
SHARE = 0.15
# The loop's timers count in milliseconds, and a thread that sleeps wakes up a little too late.
_TIMER_S, _OVERSLEPT_S = 0.003, 0.0001


def install() -> None:
    """Make every send longer by `SHARE` of its own duration."""
    original_handle = Gateway.handle

    async def handle(self: Gateway, request: Request) -> Response:
        began = time.monotonic()
        response = await original_handle(self, request)
        ended = time.monotonic()
        if request.method == "POST" and request.path.endswith("/messages"):
            await wait_until(ended + SHARE * (ended - began))
        return response

    Gateway.handle = handle  # type: ignore[method-assign]  # it replaces a method


async def wait_until(deadline: float) -> None:
    """Wait for a value of `time.monotonic`, more precisely than the event loop can."""
    while (left := deadline - time.monotonic()) > 0:
        if left > _TIMER_S:
            await asyncio.sleep(left - _TIMER_S / 2)
        else:
            time.sleep(max(0.0, left - _OVERSLEPT_S))  # noqa: ASYNC251 - shorter than a timer
