"""A seeded bug: a send is answered at its receipt, and committed 300 ms later.

Whatever a process had answered within the last 300 ms is gone when it is killed. The answer's
position is 0, since nobody knows it yet.
"""

import asyncio
import secrets
import time

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.store.base import Append, Outcome, Stored, StoreError, StoreUncertain

_DELAY_S = 0.3


def install() -> None:
    """Answer sends too early; room events are told as before."""
    honest = MessageService.append
    committing: set[asyncio.Task[None]] = set()  # the loop itself holds tasks only weakly

    async def commit_later(service: MessageService, wish: Append) -> None:
        await asyncio.sleep(_DELAY_S)
        try:
            await honest(service, wish)
        except (StoreError, StoreUncertain):
            return  # the sender was told otherwise long ago: that is the bug

    async def append(self: MessageService, wish: Append) -> Outcome:
        if wish.event:
            return await honest(self, wish)
        task = asyncio.create_task(commit_later(self, wish))
        committing.add(task)
        task.add_done_callback(committing.discard)
        return Stored(
            Entry(
                conv=wish.conv,
                seq=0,
                type="msg",
                ts=int(time.time() * 1000),
                msg_id=secrets.token_hex(8),
                client_msg_id=wish.client_msg_id,
                sender=wish.sender,
                body=wish.body,
            )
        )

    MessageService.append = append  # type: ignore[method-assign]  # that is what a seeded bug is
