"""Releases arrivals: hands every op that is due to its session, and never waits.

An arrival for which no user is ready, or whose backlog is full, is *missed*: it is counted, and
recorded in the history with its intended time. Every arrival is either handed over or missed.
"""

import asyncio
from collections.abc import Mapping

from gauntlet.core.history import Kind, Miss
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.schedule.traffic import Traffic
from gauntlet.scenarios.workloads.entities import Conversation, Op

_COUNTED_AT_ONCE = 20_000


class Dispatcher:
    """One worker's arrivals from `start_ns` on; `next_ns` is when the next one is due, or None.

    An op is drawn even if it is then missed. So the speed of the system never changes who sends
    what to whom: that depends on the seed alone.
    """

    def __init__(
        self,
        start_ns: int,
        traffic: Traffic,
        context: Context,
        sessions: Mapping[int, Session],
        ready: set[int],
    ) -> None:
        self._start_ns = start_ns
        self._traffic = traffic
        self._context = context
        self._sessions = sessions
        self._ready = ready  # the numbers of the conversations whose members are all connected
        self._queue_max, self._backlog_max = traffic.backlog_limits()
        self._offsets = traffic.offsets_ns()
        self._until_ns: int | None = None
        self._handed = 0
        self.next_ns: int | None = None
        self._step()

    def release(self, now_ns: int) -> None:
        """Hand over, or count as missed, every arrival that is due."""
        while self.next_ns is not None and self.next_ns <= now_ns:
            intended_ns, offset_ns = self.next_ns, self.next_ns - self._start_ns
            op = self._traffic.draw_op(offset_ns, self._is_ready)
            if op is None:
                self._miss(Miss.NO_SENDER, intended_ns)
            elif self._context.ledger.outstanding >= self._backlog_max:
                self._miss(Miss.BACKLOG, intended_ns, op)
            elif (sender := self._sessions[self._traffic.sending_device(op)]).pending_sends(
                op.conv
            ) >= self._queue_max:
                self._miss(Miss.QUEUE, intended_ns, op)
            else:
                self._handed += 1
                sender.submit(op, intended_ns)
            self._step()

    def stop(self, now_ns: int) -> None:
        """Release what is due now, and nothing that is due later."""
        if self._until_ns is None:
            self.release(now_ns)
            self._until_ns = now_ns
        self.next_ns = None

    async def intended(self) -> int:
        """The number of intended sends: of the schedule up to the stop, and of tasks."""
        counted = self._context.ledger.ops - self._handed
        until_ns = self._start_ns if self._until_ns is None else self._until_ns
        for offset_ns in self._traffic.offsets_ns():
            if self._start_ns + offset_ns > until_ns:
                break
            counted += 1
            if counted % _COUNTED_AT_ONCE == 0:
                await asyncio.sleep(0)  # let heartbeats be sent meanwhile
        return counted

    def _step(self) -> None:
        offset_ns = next(self._offsets, None)
        self.next_ns = None if offset_ns is None else self._start_ns + offset_ns

    def _is_ready(self, conv: Conversation) -> bool:
        return conv.number in self._ready

    def _miss(self, why: Miss, intended_ns: int, op: Op | None = None) -> None:
        context = self._context
        context.ledger.miss()
        context.sink.add(
            Kind.MISSED,
            context.now_ns(),
            ref_ns=intended_ns,
            conv=op.conv.number if op else 0,
            peer=op.author if op else 0,
            sseq=op.sseq if op else 0,
            spare=why,
        )
