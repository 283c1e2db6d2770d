"""A commit that takes longer than 200 ms is given up and repeated under an identity of its own.

The first commit succeeds as well, so the message is stored twice.
"""

import asyncio
import logging
import secrets
from itertools import count

import msgspec

from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.store.base import AppendRequest, Outcome

SENTENCE = "A message whose commit is slow is stored a second time under another identity."
SERVICES = ("message",)
ANOMALIES = ("duplicate",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

SLOW_S, TIMEOUT_S = 0.3, 0.2
log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Let every 30th message wait for a lock, and repeat it when its time is over."""
    original_append = MessageService.append
    numbers = count(1)

    async def locked(service: MessageService, request: AppendRequest) -> Outcome:
        await asyncio.sleep(SLOW_S)
        return await original_append(service, request)

    async def append(self: MessageService, request: AppendRequest) -> Outcome:
        if request.event or next(numbers) % 30:
            return await original_append(self, request)
        first = asyncio.create_task(locked(self, request))
        done, _ = await asyncio.wait({first}, timeout=TIMEOUT_S)
        if done:
            return first.result()
        log.warning("seeded bug acted: %s", request.client_msg_id)
        again = msgspec.structs.replace(request, client_msg_id=secrets.token_hex(8))
        outcome = await original_append(self, again)
        await first
        return outcome

    MessageService.append = append
