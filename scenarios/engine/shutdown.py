"""The quiesce: how long a load waits for what is still on its way."""

import asyncio
from collections.abc import Callable

MARGIN_S = 0.5
MAX_S = 30.0
_STEP_S = 0.05


async def settle(settled: Callable[[], bool], repair_bound_s: float) -> None:
    """Wait until `settled`, at least the server's repair bound, at most `MAX_S`.

    The least wait is for what nobody expects: a late duplicate, or a message that was never sent.
    """
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    least_s = start_s + min(repair_bound_s + MARGIN_S, MAX_S)
    while loop.time() < least_s or (not settled() and loop.time() < start_s + MAX_S):
        await asyncio.sleep(_STEP_S)
