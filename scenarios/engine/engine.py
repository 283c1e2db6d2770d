"""The engine of one worker: all its sessions on one event loop, in a thread of its own.

Other threads control it with `command`, whose calls it makes at its next tick, and read its plain
attributes. There is no lock to share, because in a Locust worker the other side is gevent.
"""

import asyncio
import collections
import contextlib
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gauntlet.core import clock
from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.core.errors import StackError
from gauntlet.core.scenario.catalog import GUARD_WAITING_CHECKS
from gauntlet.scenarios.client.receiver import Receiver
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.engine import preparation, shutdown
from gauntlet.scenarios.engine.actions.scheduled_actions import scheduled_actions
from gauntlet.scenarios.engine.assembly import assemble
from gauntlet.scenarios.engine.dispatcher import Dispatcher
from gauntlet.scenarios.engine.load_file import LoadFile
from gauntlet.scenarios.engine.load_plan import plan_load
from gauntlet.scenarios.engine.scripted_users import (
    ScriptedReceiver,
    ScriptedUser,
    UserController,
)
from gauntlet.scenarios.engine.ticker import Ticker
from gauntlet.scenarios.metrics import error_log
from gauntlet.scenarios.metrics.overdue import OverdueSweep
from gauntlet.scenarios.schedule.arrivals import Stripe
from gauntlet.scenarios.workloads.entities import device_keys

# The longest pause between ticks while messages are on their way. A tick that comes late is how a
# stall of the generator is noticed, which would be taken for a slow system otherwise.
_BUSY_TICK_NS = 20 * NS_PER_MS
_FLUSH_NS = NS_PER_S // 4
_CONNECTS_PER_S_MIN = 100.0
_CONNECT_BURST_NS = NS_PER_S // 20


class SecondStats(NamedTuple):
    """What happened in one second of the load.

    `samples_ns` holds sorted latencies by name, `rejected` and `unknown` count the ops that failed
    in this second, and `row` is the row written to the live file.
    """

    samples_ns: dict[str, NDArray[np.int64]]
    rejected: int
    unknown: int
    row: dict[str, Any]


class Engine:
    """Runs one load once: `run` returns when everything is flushed, or raises what stopped it.

    `phase` is ramp, steady, quiesce, audit and flushed in turn, or aborted after an `abort`.
    `seconds` collects the statistics of each second until another thread takes them out.
    """

    def __init__(self, load: LoadFile, stripe: Stripe) -> None:
        self.load = load
        self.zero_ns: int | None = None  # set before `run` if the start of the timeline is agreed
        self.phase = "ramp"
        self.seconds: collections.deque[SecondStats] = collections.deque()
        self._commands: collections.deque[Callable[[], None]] = collections.deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ticker: Ticker | None = None
        self._plan = plan_load(load, stripe)
        self.ledger = self._plan.ledger
        self._devices = load.scenario.load.devices
        # One generator for all sessions: one each would be a tenth of a user's memory.
        self._jitter = random.Random(f"jitter/{load.scenario.seed}/{stripe.worker}")
        self._unstarted: collections.deque[Session] = collections.deque()
        # It costs a little each second, so only where a guard reads it.
        self._overdue: OverdueSweep | None = None
        if any(guard.check in GUARD_WAITING_CHECKS for guard in load.scenario.guards):
            self._overdue = OverdueSweep(self.ledger, self._reading_connection)
        self._failed_ops = (0, 0)  # rejected and unknown, up to the last second
        self._draining = False
        self._aborted = False
        self._failure: BaseException | None = None
        self._stopped = asyncio.Event()

    async def prepare(self) -> None:
        """Create what the users need, before `run` and on any event loop; StackError."""
        await preparation.prepare(self._plan)

    # Commands: other threads pass these calls to `command`.

    def add_user(self, controller: UserController | None = None) -> None:
        """Connect the user of the next free slot; a user beyond the plan is refused."""
        parts, users = self._parts, self._plan.traffic.users
        slot = len(parts.sessions) // self._devices
        if slot >= len(users):
            if controller is not None:
                controller.on_ready(None)
            return
        user = users[slot]
        for index in range(self._devices):
            device = replace(user, device_index=index)
            receiver: Callable[..., Receiver] = Receiver
            if controller is not None and index == 0:  # a script uses its user's first device
                receiver = partial(ScriptedReceiver, controller)
            session = parts.new_session(slot, device, self._jitter, receiver)
            parts.sessions[device.device_key] = session
            self._unstarted.append(session)
        if controller is not None:
            session = parts.sessions[user.device_key]
            controller.on_ready(ScriptedUser(parts.scripted_users, session))

    def count_task_error(self, text: str) -> None:
        """Count an exception that a task of a Locust user has raised."""
        self._parts.context.errors.record(error_log.TASK, text)

    def drain(self) -> None:
        """Stop the arrivals, and end in order. A load in its last second runs to its end."""
        left_ns = self._end_ns - clock.now_ns()
        if 0 < left_ns < NS_PER_S:
            self._parts.timers.at(self._end_ns, self._stop_arrivals)
        else:
            self._stop_arrivals()

    def abort(self) -> None:
        """End immediately; the files keep what was recorded so far."""
        self._aborted = True
        self._stopped.set()

    # Callable from any thread.

    def command(self, call: Callable[[], None]) -> None:
        """Make a call in the next tick, which comes soon; before `run`, it waits for the first."""
        self._commands.append(call)
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._tick_by, 0)

    def call_soon(self, call: Callable[[], None]) -> bool:
        """Run a call in the engine's thread before its next tick; False if the engine has ended."""
        if self._loop is None:
            return False
        try:
            self._loop.call_soon_threadsafe(self._run_call, call)
        except RuntimeError:  # the loop is closed
            return False
        return True

    def _run_call(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - `run` raises it, like an error of a tick
            self._fail(error)
        self._tick_by(clock.now_ns() + _BUSY_TICK_NS)

    def _tick_by(self, at_ns: int) -> None:
        if self._ticker is not None:  # otherwise the first tick is still to come
            self._ticker.tick_by(at_ns)

    # The engine's own thread.

    async def run(self) -> None:
        """Put the load on the system until drained or aborted; then flush and close everything."""
        self._loop = asyncio.get_running_loop()
        parts = self._parts = await assemble(self._plan, self._fail, self._is_over)
        self._schedule(self.zero_ns or clock.now_ns())
        self._ticker = Ticker(self._tick, parts.timers, parts.health.record_delay, self._fail)
        try:
            await self._stopped.wait()
            if not self._aborted:
                self._stopped.clear()  # set again by an abort
                await shutdown.wind_down(
                    parts, self._dispatcher, self._enter, self._write_second, self._stopped
                )
        finally:
            self._ticker.stop()
            for session in parts.sessions.values():
                session.stop()
            await parts.transport.shut()
            if self._aborted:
                self.phase = "aborted"
            parts.close()
        if self._failure is not None:
            raise self._failure

    def _schedule(self, zero_ns: int) -> None:
        """Begin the ramp at `zero_ns`, and set the times of user actions, arrivals and connects."""
        load, traffic, parts = self.load.scenario.load, self._plan.traffic, self._parts
        self._enter("ramp", zero_ns)
        for offset_ns, user, action in scheduled_actions(
            self._plan, parts.context, parts.transport, parts.sessions
        ):
            parts.timers.at(zero_ns + offset_ns, partial(self._act, user, action))
        self._arrivals_ns = zero_ns + int(load.ramp * NS_PER_S)
        self._end_ns = self._arrivals_ns + int(load.steady * NS_PER_S)
        parts.timers.at(self._arrivals_ns, self._end_ramp)
        self._dispatcher = Dispatcher(
            self._arrivals_ns, traffic, parts.context, parts.sessions, parts.readiness.ready
        )
        # Twice as fast as the ramp needs: everyone should be online before the arrivals begin.
        connects_per_s = 2 * len(traffic.users) * self._devices / max(load.ramp, 0.001)
        self._connect_gap_ns = int(NS_PER_S / max(connects_per_s, _CONNECTS_PER_S_MIN))
        self._connect_ns = zero_ns
        self._flush_ns = zero_ns + _FLUSH_NS
        self._second_ns = zero_ns + NS_PER_S

    def _end_ramp(self) -> None:
        if not self._draining:
            # Dated back to the first arrival, which belongs to the steady phase.
            self._enter("steady", self._arrivals_ns)

    def _act(self, user: int, action: Callable[[Session], None]) -> None:
        sessions = self._parts.sessions
        if user in sessions and self.phase in ("ramp", "steady"):
            for device_key in device_keys((user,), self._devices):
                action(sessions[device_key])

    def _tick(self, now_ns: int) -> int:
        """Do what is due; return when the next tick is."""
        parts = self._parts
        while self._commands:
            self._commands.popleft()()
        self._dispatcher.release(now_ns)
        parts.timers.run_due(now_ns)
        self._connect_some(now_ns)
        if now_ns >= self._flush_ns:
            self._flush_ns = now_ns + _FLUSH_NS
            parts.files.flush()
            parts.context.latencies.count_batches()
        if now_ns >= self._second_ns:
            self._second_ns += NS_PER_S
            self._write_second(now_ns)
            if parts.diagnosis.should_give_up:
                self._fail(StackError(parts.diagnosis.summary))
        return self._next_tick_ns(now_ns)

    def _next_tick_ns(self, now_ns: int) -> int:
        """Return when something is due, at the latest with the next flush."""
        next_ns = min(self._flush_ns, self._second_ns)
        if self._unstarted:
            next_ns = min(next_ns, self._connect_ns)
        for due_ns in (self._parts.timers.next_ns, self._dispatcher.next_ns):
            if due_ns is not None:
                next_ns = min(next_ns, due_ns)
        busy = self.ledger.outstanding or self.ledger.missing
        return min(next_ns, now_ns + _BUSY_TICK_NS) if busy else next_ns

    def _connect_some(self, now_ns: int) -> None:
        """Begin the connects that the rate of the ramp allows by now."""
        self._connect_ns = max(self._connect_ns, now_ns - _CONNECT_BURST_NS)
        while self._unstarted and self._connect_ns <= now_ns:
            self._connect_ns += self._connect_gap_ns
            self._parts.diagnosis.record_attempt()
            self._unstarted.popleft().start()

    def _stop_arrivals(self) -> None:
        if self._draining:  # a repeated drain must not look like the abort of the one under way
            return
        self._dispatcher.stop(min(clock.now_ns(), self._end_ns))
        self._draining = True
        self._stopped.set()

    def _is_over(self) -> bool:
        return self._draining or self._aborted

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self.abort()

    def _enter(self, phase: str, t_ns: int | None = None) -> None:
        self.phase = phase
        self._parts.files.journal.write("phase", t_ns=t_ns, phase=phase)

    def _reading_connection(self, device_key: int) -> int:
        """Return the number of the connection on which a device reads; 0 if it reads nothing."""
        session = self._parts.sessions.get(device_key)
        if session is None or not session.connected or not session.reads:
            return 0
        return session.request_channel.connection_number

    def _write_second(self, now_ns: int) -> None:
        """Write the live row of the last second, and keep its statistics for other threads."""
        parts, ledger = self._parts, self.ledger
        samples_ns = parts.context.latencies.take_second()
        row = parts.files.live.write(
            now_ns,
            self.phase,
            len(parts.sessions) // self._devices,
            ledger,
            parts.context.counters,
            samples_ns,
            None if self._overdue is None else self._overdue.sweep(now_ns),
        )
        rejected, unknown = self._failed_ops
        self._failed_ops = (ledger.rejected, ledger.unknown)
        self.seconds.append(
            SecondStats(samples_ns, ledger.rejected - rejected, ledger.unknown - unknown, row)
        )
