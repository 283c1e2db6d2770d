"""Gives the message service a known capacity: each append gets the next slot of an even schedule.

An overload is a multiple of the capacity, and the capacity of a shared machine is not known.
Requests beyond it queue here without a bound, as they would in front of a slow disk: shedding load
is the task of the gateway.
"""

import asyncio

from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.store.base import AppendRequest, Outcome

COMMITS_PER_S = 200


def install() -> None:
    """Start appends one after the other, `COMMITS_PER_S` a second."""
    limit_commits(COMMITS_PER_S)


def limit_commits(per_s: float) -> None:
    """Give each append the next slot of an even schedule."""
    original_append = MessageService.append
    next_slot_s = 0.0  # on the loop's clock

    async def append(self: MessageService, request: AppendRequest) -> Outcome:
        nonlocal next_slot_s
        now_s = asyncio.get_running_loop().time()
        slot_s = max(now_s, next_slot_s)
        next_slot_s = slot_s + 1 / per_s
        await asyncio.sleep(slot_s - now_s)
        return await original_append(self, request)

    MessageService.append = append  # type: ignore[method-assign]  # a hook replaces a method
