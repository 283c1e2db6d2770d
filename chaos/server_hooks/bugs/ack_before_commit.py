"""Seeded bug: a send is acknowledged when it is received, and committed 300 ms later.

If the process is killed, everything that it acknowledged in the last 300 ms is lost. The answer
has position 0 and no `msg_id`, because neither is known before the commit.
"""

import asyncio
import time

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.store.base import (
    AppendRequest,
    Outcome,
    Stored,
    StoreError,
    StoreUncertain,
)

_DELAY_S = 0.3


def install() -> None:
    """Acknowledge sends before their commit; room events are stored as usual."""
    original_append = MessageService.append
    committing: set[asyncio.Task[None]] = set()  # the loop holds only weak references to tasks

    async def commit_later(service: MessageService, request: AppendRequest) -> None:
        await asyncio.sleep(_DELAY_S)
        try:
            await original_append(service, request)
        except (StoreError, StoreUncertain):
            return  # the sender has an acknowledgement already: that is the bug

    async def append(self: MessageService, request: AppendRequest) -> Outcome:
        if request.event:
            return await original_append(self, request)
        task = asyncio.create_task(commit_later(self, request))
        committing.add(task)
        task.add_done_callback(committing.discard)
        return Stored(
            Entry(
                conv=request.conv,
                seq=0,
                type="msg",
                ts=int(time.time() * 1000),
                client_msg_id=request.client_msg_id,
                sender=request.sender,
                body=request.body,
            )
        )

    MessageService.append = append  # type: ignore[method-assign]  # a seeded bug replaces a method
