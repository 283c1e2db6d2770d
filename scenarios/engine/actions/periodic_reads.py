"""Reads that a load repeats at a fixed interval, one at a time, until its arrivals end."""

from collections.abc import Callable, Coroutine
from typing import Any

from gauntlet.core.clock import NS_PER_S
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine.load_plan import LoadPlan
from gauntlet.scenarios.network.transport import SocketTransport


class PeriodicReads:
    """The repetition of one kind of read in one worker.

    `next_read` returns the next one, or None if no user can read now. It is not called while the
    read before it waits for its answer.
    """

    def __init__(
        self,
        plan: LoadPlan,
        context: Context,
        transport: SocketTransport,
        period_ns: int,
        next_read: Callable[[], Coroutine[Any, Any, None] | None],
    ) -> None:
        self._context = context
        self._transport = transport
        self._period_ns = period_ns
        self._next_read = next_read
        load = plan.load.scenario.load
        self._ramp_ns, self._steady_ns = int(load.ramp * NS_PER_S), int(load.steady * NS_PER_S)
        self._is_waiting = False
        self._end_ns = 0

    def first_read(self, user: int) -> tuple[int, int, Callable[[Session], None]]:
        """Return (time, user, action) of the first read, as `user_actions.scheduled_actions`."""
        return self._ramp_ns, user, self._begin

    def _begin(self, _session: Session) -> None:
        """Begin to read, once for all devices of the user."""
        if not self._end_ns:
            self._end_ns = self._context.now_ns() + self._steady_ns
            self._repeat()

    def _repeat(self) -> None:
        if self._context.now_ns() >= self._end_ns:
            return
        if not self._is_waiting and (read := self._next_read()) is not None:
            self._is_waiting = True
            self._transport.spawn(self._finish(read))
        self._context.after(self._period_ns, self._repeat)

    async def _finish(self, read: Coroutine[Any, Any, None]) -> None:
        try:
            await read
        finally:
            self._is_waiting = False
