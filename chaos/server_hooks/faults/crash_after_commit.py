"""SIGUSR1 arms it: after its next commit the process answers the senders and dies, unpublished.

What it leaves behind is the gap between commit and publish, which no kill from outside can hit.
"""

import asyncio
import logging
import os
import signal

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.services.publisher import Fanout, Members

# The senders' answers are on their way to their sockets when the commit is handed to the fan-out.
ANSWER_S = 0.05

log = logging.getLogger(__name__)


def install() -> None:
    """Wait for SIGUSR1 on the running loop, and let the first commit after it be the last."""
    loop = asyncio.get_running_loop()
    honest = Fanout.offer
    armed = asyncio.Event()
    struck = asyncio.Event()

    def offer(self: Fanout, entries: list[Entry], members: Members) -> None:
        if not armed.is_set():
            honest(self, entries, members)
        elif not struck.is_set():
            struck.set()
            # The fault's proof: it is read from this process's log.
            log.warning("committed and not published: %s %d", entries[0].conv, entries[0].seq)
            loop.call_later(ANSWER_S, os.kill, os.getpid(), signal.SIGKILL)

    Fanout.offer = offer  # type: ignore[method-assign]  # that is what sabotage is
    loop.add_signal_handler(signal.SIGUSR1, armed.set)
