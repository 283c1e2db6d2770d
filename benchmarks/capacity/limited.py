"""The message service commits 40 messages a second, and no more.

No defect: a limit that is known, so that a search of the capacity can be compared with it.
`gauntlet capacity steady --bug benchmarks/capacity/limited.py` should find it on any machine.
"""

import asyncio

from gauntlet.reference_server.services.message import MessageService
from gauntlet.reference_server.store.base import AppendRequest, Outcome

SENTENCE = "The message service commits 40 messages a second, and no more."
SERVICES = ("message",)
COMMITS_PER_S = 40


def install() -> None:
    """Give each append the next slot of an even schedule."""
    original_append = MessageService.append
    next_slot_s = 0.0  # on the loop's clock

    async def append(self: MessageService, request: AppendRequest) -> Outcome:
        nonlocal next_slot_s
        now_s = asyncio.get_running_loop().time()
        slot_s = max(now_s, next_slot_s)
        next_slot_s = slot_s + 1 / COMMITS_PER_S
        await asyncio.sleep(slot_s - now_s)
        return await original_append(self, request)

    MessageService.append = append  # type: ignore[method-assign]  # the limit replaces a method
