"""Kills a message service between a commit and its publish; SIGUSR1 or SIGUSR2 arms it.

After the next commit the process publishes nothing and dies: with SIGUSR1 once it has answered the
senders, with SIGUSR2 before, so that they have to retry what is stored already. A kill from outside
cannot hit these intervals, which last some milliseconds.
"""

import asyncio
import logging
import os
import signal

from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.services.publisher import Fanout, Members

# Time for the senders' answers, which are being written when the fan-out receives the commit.
ANSWER_S = 0.05

log = logging.getLogger(__name__)


def install() -> None:
    """Wait for a signal on the running loop; the first commit after it is the last one."""
    loop = asyncio.get_running_loop()
    original_offer = Fanout.offer
    armed = asyncio.Event()
    unanswered = asyncio.Event()
    triggered = asyncio.Event()

    def offer(self: Fanout, entries: list[Entry], members: Members) -> None:
        if not armed.is_set():
            original_offer(self, entries, members)
        elif not triggered.is_set():
            triggered.set()
            # The fault `crash-after-commit` reads this line from the log as its proof.
            log.warning("committed and not published: %s %d", entries[0].conv, entries[0].seq)
            # The senders wake in the next turn of the loop, so none of them is answered yet.
            if unanswered.is_set():
                os.kill(os.getpid(), signal.SIGKILL)
            loop.call_later(ANSWER_S, os.kill, os.getpid(), signal.SIGKILL)

    def arm(event: asyncio.Event | None = None) -> None:
        if event is not None:
            event.set()
        armed.set()

    Fanout.offer = offer  # type: ignore[method-assign]  # a hook replaces a method
    loop.add_signal_handler(signal.SIGUSR1, arm)
    loop.add_signal_handler(signal.SIGUSR2, arm, unanswered)
