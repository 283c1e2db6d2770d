"""A message service of a known capacity: each wish gets the next slot of an even schedule.

Overload is a multiple of capacity, which on a shared machine nobody knows. Wishes beyond it queue
up in here without bound, as they would before a slow disk: keeping them out is the gateway's part.
"""

import asyncio

from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.store.base import Append, Outcome

COMMITS_PER_S = 200


def install() -> None:
    """Let wishes through one by one, `COMMITS_PER_S` a second."""
    honest = MessageService.append
    free_s = 0.0  # when the next slot begins, on the loop's clock

    async def append(self: MessageService, wish: Append) -> Outcome:
        nonlocal free_s
        now_s = asyncio.get_running_loop().time()
        slot_s = max(now_s, free_s)
        free_s = slot_s + 1 / COMMITS_PER_S
        await asyncio.sleep(slot_s - now_s)
        return await honest(self, wish)

    MessageService.append = append  # type: ignore[method-assign]  # that is what sabotage is
