"""The timer of an engine: one for all that is due in a tick, and none while nothing is due.

Every wake-up of a process costs as much as several messages. Therefore a tick is set for the next
whole millisecond after what is due first, and does all that is due by then. What becomes due
earlier than the next tick brings it forward.
"""

import asyncio
from collections.abc import Callable

from gauntlet.core import clock
from gauntlet.core.clock import NS_PER_MS
from gauntlet.scenarios.client.timers import Timers


class Ticker:
    """Calls `tick` with the current time until `stop`; it returns when the next tick is due.

    `record_delay` is called with the time by which a tick came late, and `on_failure` with an
    exception of a tick, which is then the last one.
    """

    def __init__(
        self,
        tick: Callable[[int], int],
        timers: Timers,
        record_delay: Callable[[int], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._tick = tick
        self._timers = timers
        self._record_delay = record_delay
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._expected_ns = 0
        self._stopped = False
        timers.on_earlier = self.tick_by
        self._set(clock.now_ns(), clock.now_ns())

    def tick_by(self, at_ns: int) -> None:
        """Bring the next tick forward if it would come later than `at_ns`.

        A tick that is overdue, or due in the shortest pause, stays: setting it again would postpone
        it, without end during a burst of calls, and hide by how much it is late.
        """
        due_ns = self._timers.next_tick_ns
        if self._stopped or self._timer is None or at_ns >= due_ns:
            return
        now_ns = clock.now_ns()
        if due_ns - now_ns > NS_PER_MS:
            self._timer.cancel()
            self._set(at_ns, now_ns)

    def stop(self) -> None:
        """Make no further tick."""
        self._stopped = True
        self._timers.on_earlier = None
        if self._timer is not None:
            self._timer.cancel()

    def _set(self, at_ns: int, since_ns: int) -> None:
        """Set the timer; the delay of the tick is counted from `since_ns` on."""
        now_ns = clock.now_ns()
        pause_ms = max(1, -(-(at_ns - now_ns) // NS_PER_MS))
        self._timers.next_tick_ns = now_ns + pause_ms * NS_PER_MS
        self._expected_ns = since_ns + pause_ms * NS_PER_MS
        self._timer = self._loop.call_later(pause_ms / 1_000, self._run)

    def _run(self) -> None:
        now_ns = clock.now_ns()
        self._record_delay(max(0, now_ns - self._expected_ns))
        self._timer, self._timers.next_tick_ns = None, 0
        try:
            next_ns = self._tick(now_ns)
        except Exception as error:  # noqa: BLE001 - an error of Gauntlet ends the engine
            self._on_failure(error)
            return
        if not self._stopped:
            # Counted from the start of this tick: the time that it took delayed others as well.
            self._set(next_ns, now_ns)
