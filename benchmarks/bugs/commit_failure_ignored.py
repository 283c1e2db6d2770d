"""Every 60th send fails to commit, and the failure is swallowed.

The sender receives an acknowledgement with the next position, which another message gets later.
"""

import logging
import secrets
import time
from itertools import count

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.store.base import AppendRequest, Outcome, Stored

SENTENCE = "Every 60th message is acknowledged although its transaction was rolled back."
SERVICES = ("message",)
ANOMALIES = ("lost-acked",)
OPTIONS = {"scenario": "steady", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Answer some sends without storing them."""
    original_append = MessageService.append
    numbers = count(1)

    async def append(self: MessageService, request: AppendRequest) -> Outcome:
        if request.event or next(numbers) % 60:
            return await original_append(self, request)
        _, head = await self._store.entries(request.conv, 0, 1)
        log.warning("seeded bug acted: %s", request.client_msg_id)
        return Stored(
            Entry(
                conv=request.conv,
                seq=head + 1,
                type="msg",
                ts=int(time.time() * 1000),
                msg_id=secrets.token_hex(8),
                client_msg_id=request.client_msg_id,
                sender=request.sender,
                body=request.body,
            )
        )

    MessageService.append = append
