"""The engine of one worker: all sessions on one event loop, in a thread of its own.

Others talk to it through `commands` (done at the next tick) and read its plain attributes; there
is no lock to share, because in a Locust worker the other side is gevent.
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

from gauntlet.core import clock, os_limits
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.errors import ConfigError, StackError
from gauntlet.core.run_directory import Journal
from gauntlet.core.scenario.capabilities import HISTORY, OPEN_ACCOUNTS, SELF_ECHO
from gauntlet.scenarios import adapters
from gauntlet.scenarios.client.context import Context, Limits
from gauntlet.scenarios.client.readiness import Readiness
from gauntlet.scenarios.client.receiver import Mailbox
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.client.timers import Timers
from gauntlet.scenarios.engine import shutdown, user_actions
from gauntlet.scenarios.engine.audit import Audit
from gauntlet.scenarios.engine.dispatcher import Dispatcher
from gauntlet.scenarios.engine.load_file import LoadFile
from gauntlet.scenarios.engine.provisioning import fill_room
from gauntlet.scenarios.engine.scripted_users import (
    ScriptedReceiver,
    ScriptedUser,
    ScriptedUsers,
    UserController,
)
from gauntlet.scenarios.metrics.connect_diagnosis import ConnectDiagnosis
from gauntlet.scenarios.metrics.delivery_ledger import Ledger
from gauntlet.scenarios.metrics.generator_health import GeneratorHealth
from gauntlet.scenarios.metrics.latency import Latencies
from gauntlet.scenarios.network.socket_io import SocketPort, check_addresses
from gauntlet.scenarios.network.source_addresses import MOVING, Sources
from gauntlet.scenarios.network.websocket import Gate
from gauntlet.scenarios.recording.directory_writer import DirectoryWriter
from gauntlet.scenarios.recording.history_writer import HistoryWriter
from gauntlet.scenarios.recording.live_writer import LiveWriter
from gauntlet.scenarios.schedule.arrivals import Stripe
from gauntlet.scenarios.schedule.traffic import Traffic
from gauntlet.scenarios.workloads.entities import Conversation, User, device_keys

_TICK_MIN_S = 0.001
# Between them nothing that was planned is due: each wake costs as much as several messages.
_TICK_MAX_S = 0.02
_FLUSH_NS = NS_PER_S // 4
_CONNECTS_PER_S_MIN = 100.0
_CONNECT_BURST_NS = NS_PER_S // 20
_DEFAULT_HEADS_POLL_MS = 2_000


class SecondStats(NamedTuple):
    """One second's latencies, sorted, in nanoseconds, how many ops failed in it, its live row."""

    samples_ns: dict[str, NDArray[np.int64]]
    rejected: int
    unknown: int
    row: dict[str, Any]


class Engine:
    """Runs once: `run` returns when the load is flushed, or raises what stopped it.

    `phase` goes ramp, steady, quiesce, audit, flushed; after an `abort` it ends as aborted.
    `seconds` holds what happened in each second since they were last taken out, for statistics.
    """

    def __init__(self, load: LoadFile, stripe: Stripe) -> None:
        self.load = load
        self.zero_ns: int | None = None  # set before `run` where the timeline's start is agreed
        self.phase = "ramp"
        self.commands: collections.deque[Callable[[], None]] = collections.deque()
        self.seconds: collections.deque[SecondStats] = collections.deque()
        self._told = (0, 0)
        self._stripe = stripe
        self._sessions: dict[int, Session] = {}
        self._unstarted: collections.deque[Session] = collections.deque()
        self._draining = False
        self._aborted = False
        self._failure: BaseException | None = None
        self._stopped = asyncio.Event()
        target = load.scenario.target
        self._devices = load.scenario.load.devices
        self._adapter = adapters.find(target.adapter)(target.server)
        tag = load.tag if OPEN_ACCOUNTS in self._adapter.capabilities else ""
        self._traffic = Traffic(load.scenario, stripe, load.trace, tag)
        # One for all: a generator of his own would be a tenth of a user's memory.
        self._jitter = random.Random(f"jitter/{load.scenario.seed}/{stripe.worker}")
        if missing := self._traffic.needs - self._adapter.capabilities:
            msg = f"adapter {target.adapter!r} has no {', '.join(sorted(missing))}"
            raise ConfigError(msg)
        self.ledger = Ledger(
            self_echo=SELF_ECHO in self._adapter.capabilities, devices=self._devices
        )
        self._readiness = Readiness(
            self.ledger, self._traffic.conversations.values(), self._prepare, self._devices
        )

    # For other threads: put these into `commands`.

    def add_user(self, driver: UserController | None = None) -> None:
        """Connect the user of the next free slot; one beyond the plan is refused."""
        slot = len(self._sessions) // self._devices
        if slot >= len(self._traffic.users):
            if driver is not None:
                driver.on_ready(None)
            return
        user = self._traffic.users[slot]
        for index in range(self._devices):
            device = replace(user, index=index)
            mailbox = partial(ScriptedReceiver, driver) if driver and index == 0 else Mailbox
            session = Session(self._context, device, self._jitter, mailbox)
            self._sessions[device.device_key] = session
            self._unstarted.append(session)
        if driver is not None:
            driver.on_ready(ScriptedUser(self._desk, self._sessions[user.device_key]))

    def call_soon(self, call: Callable[[], None]) -> bool:
        """Have a call made now rather than at the next tick. False where the engine has ended."""
        try:
            self._loop.call_soon_threadsafe(self._make, call)
        except RuntimeError:  # the loop is closed
            return False
        return True

    def _make(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - told by `run`, as any other
            self._fail(error)

    def _is_over(self) -> bool:
        return self._draining or self._aborted

    def drain(self) -> None:
        """Stop arrivals, and end in order. The last second of a load is let to its end."""
        left_ns = self._end_ns - clock.now_ns()
        if 0 < left_ns < NS_PER_S:
            self._timers.at(self._end_ns, self._stop_arrivals)
        else:
            self._stop_arrivals()

    def _stop_arrivals(self) -> None:
        if self._draining:  # a second word to drain must not be taken for one to abort
            return
        self._release.stop(min(clock.now_ns(), self._end_ns))
        self._draining = True
        self._stopped.set()

    def abort(self) -> None:
        """End at once, keeping what is there."""
        self._aborted = True
        self._stopped.set()

    # The thread's own.

    async def run(self) -> None:
        """Put the load on the system until drained or aborted; then flush and close everything."""
        self._loop = asyncio.get_running_loop()
        gate = Gate(self.load.scenario.target.allow_hosts)
        await check_addresses(gate, self.load.api)
        self._open(gate)
        ticking = self._port.spawn(self._tick_forever())
        try:
            await self._stopped.wait()
            await self._wind_down()
        finally:
            ticking.cancel()
            for session in self._sessions.values():
                session.stop()
            await self._port.shut()
            self._close()
        if self._failure is not None:
            raise self._failure

    def _open(self, gate: Gate) -> None:
        load, run, worker = self.load.scenario.load, self.load.run, self._stripe.worker
        self._contact = ConnectDiagnosis(self.load.api, self.load.scenario.faults, clock.now_ns)
        subprotocol, trouble = self._adapter.subprotocol, self._contact.record_failure
        sources = Sources(MOVING * load.users, os_limits.ports_per_address())
        self._port = SocketPort(gate, self.load.api, subprotocol, self._fail, trouble, sources)
        self._journal = Journal(run, f"load-{worker}")
        self._recorder = HistoryWriter(run.history, worker)
        self._links = DirectoryWriter(run.links, worker)
        self._vitals = GeneratorHealth()
        self._live = LiveWriter(run.live, worker, self._vitals)
        self._timers = Timers()
        self._context = Context(
            now_ns=clock.now_ns,
            timers=self._timers,
            port=self._port,
            sink=self._recorder,
            adapter=self._adapter,
            ledger=self.ledger,
            latencies=Latencies(),
            limits=Limits(
                int(load.attempt_timeout * NS_PER_S),
                int(load.give_up_after * NS_PER_S),
                load.body_bytes,
            ),
            api=self.load.api,
            conversations=self._traffic.conversations,
            conversations_of=self._readiness.of_user,
            user_numbers={user.name: user.number for user in self._traffic.users},
            new_link=self._links.link,
            on_connected=self._on_connected,
            tag=self.load.tag,
        )
        self._desk = ScriptedUsers(
            self._context, self._traffic, self._readiness, self._links, self._is_over
        )
        for user in self._traffic.users:
            self._links.user(user)
        for conv in self._traffic.conversations.values():
            self._links.conversation(conv)
        zero_ns = self.zero_ns or clock.now_ns()
        self._enter("ramp", zero_ns)
        self._begin_at(zero_ns)

    def _begin_at(self, zero_ns: int) -> None:
        """Set the times of the load: user actions, arrivals, and the connects of the ramp."""
        load = self.load.scenario.load
        for at_ns, user, act in user_actions.scheduled_actions(self._traffic):
            self._timers.at(zero_ns + at_ns, self._for_user(user, act))
        self._arrivals_ns = zero_ns + int(load.ramp * NS_PER_S)
        self._end_ns = self._arrivals_ns + int(load.steady * NS_PER_S)
        self._timers.at(self._arrivals_ns, self._end_ramp)
        self._release = Dispatcher(
            self._arrivals_ns, self._traffic, self._context, self._sessions, self._readiness.ready
        )
        per_s = 2 * len(self._traffic.users) * self._devices / max(load.ramp, 0.001)
        self._connect_gap_ns = int(NS_PER_S / max(per_s, _CONNECTS_PER_S_MIN))
        self._connect_ns = zero_ns
        self._flush_ns = zero_ns + _FLUSH_NS
        self._second_ns = zero_ns + NS_PER_S

    def _end_ramp(self) -> None:
        if not self._draining:
            self._enter("steady", self._arrivals_ns)  # of which the first arrival is one

    def _for_user(self, user: int, act: Callable[[Session], None]) -> Callable[[], None]:
        def call() -> None:
            if user in self._sessions and self.phase in ("ramp", "steady"):
                for device_key in device_keys((user,), self._devices):
                    act(self._sessions[device_key])

        return call

    async def _tick_forever(self) -> None:
        while True:
            now_ns = clock.now_ns()
            while self.commands:
                self.commands.popleft()()
            self._release.release(now_ns)
            self._timers.run_due(now_ns)
            self._connect_some(now_ns)
            if now_ns >= self._flush_ns:
                self._flush_ns = now_ns + _FLUSH_NS
                self._recorder.flush()
                self._links.flush()
                self._context.latencies.count()
            if now_ns >= self._second_ns:
                self._second_ns += NS_PER_S
                self._tell(now_ns)
                if self._contact.should_give_up:
                    self._fail(StackError(self._contact.sentence))
            pause_s = self._pause_s()
            await asyncio.sleep(pause_s)
            # From the tick's start: what the tick itself took, it was late too.
            self._vitals.record_delay(clock.now_ns() - now_ns - int(pause_s * NS_PER_S))

    def _pause_s(self) -> float:
        """Until the next thing that is due, within bounds."""
        connect_ns = self._connect_ns if self._unstarted else None
        due_ns = (self._timers.next_ns, self._release.next_ns, self._flush_ns, connect_ns)
        wait_s = (min(due for due in due_ns if due) - clock.now_ns()) / NS_PER_S
        return min(max(wait_s, _TICK_MIN_S), _TICK_MAX_S)

    def _connect_some(self, now_ns: int) -> None:
        """Begin the connects that the ramp's rate allows by now."""
        self._connect_ns = max(self._connect_ns, now_ns - _CONNECT_BURST_NS)
        while self._unstarted and self._connect_ns <= now_ns:
            self._connect_ns += self._connect_gap_ns
            self._contact.attempt_started()
            self._unstarted.popleft().start()

    def _on_connected(self, user: User) -> None:
        self._contact.made = True
        self._readiness.on_connected(user)

    def _prepare(self, conv: Conversation) -> None:
        if conv.is_room:
            self._port.spawn(self._fill(conv))
        else:
            self._readiness.mark(conv)

    async def _fill(self, conv: Conversation) -> None:
        if await fill_room(self._port, conv, self._sessions, self._devices):
            self._readiness.mark(conv)

    # The end.

    async def _wind_down(self) -> None:
        """Quiesce, audit, and write the reconciliation line; an abort leaves the rest out."""
        if not self._aborted:
            ending = asyncio.create_task(self._end_in_order())
            self._stopped.clear()
            aborting = asyncio.create_task(self._stopped.wait())
            await asyncio.wait({ending, aborting}, return_when=asyncio.FIRST_COMPLETED)
            for task in (ending, aborting):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ending

    async def _end_in_order(self) -> None:
        self._enter("quiesce")
        for session in self._sessions.values():
            session.start()
        poll_ms = self.load.scenario.target.server.get("heads_poll_ms", _DEFAULT_HEADS_POLL_MS)
        await shutdown.settle(self._settled, float(poll_ms) / 1000)
        for session in self._sessions.values():
            session.outbox.abandon()
        self._enter("audit")
        audited = [
            conv
            for conv in self._traffic.conversations.values()
            if HISTORY in self._adapter.capabilities
            and (self.ledger.used(conv.number) or conv in self._readiness)
        ]
        audit = Audit(self._context, self._port, self._sessions, self._journal)
        await audit.run(audited)
        self._tell(clock.now_ns())
        intended = await self._release.intended()
        for session in self._sessions.values():
            session.stop()
        await self._port.shut()  # what is still under way would come after it was counted
        self._recorder.flush()
        line = self._reconciliation(intended, len(audited), audit.unread)
        self._journal.write("reconciliation", **line)
        self._enter("flushed")

    def _settled(self) -> bool:
        return self.ledger.settled() and all(
            session.connected and not session.mailbox.behind for session in self._sessions.values()
        )

    def _reconciliation(self, intended: int, audited: int, unread: int) -> dict[str, Any]:
        ledger = self.ledger
        return {
            "worker": self._stripe.worker,
            "intended": intended,
            "missed": ledger.missed,
            "ops": ledger.ops,
            "acked": ledger.acked,
            "rejected": ledger.rejected,
            "unknown": ledger.unknown,
            "expected": ledger.expected,
            "presented": ledger.presented,
            "missing": ledger.missing,
            "audited": audited,
            "unread": unread,
            "records": self._recorder.counts(),
        }

    def _enter(self, phase: str, t_ns: int | None = None) -> None:
        self.phase = phase
        self._journal.write("phase", t_ns=t_ns, phase=phase)

    def _tell(self, now_ns: int) -> None:
        samples = self._context.latencies.take_second()
        connections = sum(session.connected for session in self._sessions.values())
        row = self._live.write(
            now_ns,
            self.phase,
            len(self._sessions) // self._devices,
            connections,
            self.ledger,
            self._context.counters,
            samples,
        )
        rejected, unknown = self._told
        self._told = (self.ledger.rejected, self.ledger.unknown)
        fresh = (self._told[0] - rejected, self._told[1] - unknown)
        self.seconds.append(SecondStats(samples, *fresh, row))

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self.abort()

    def _close(self) -> None:
        if self._aborted:
            self.phase = "aborted"
        self._contact.tell(self._journal)
        self._context.latencies.write(self.load.run.latency, self._stripe.worker)
        for writer in (self._recorder, self._links, self._live, self._journal, self._vitals):
            writer.close()
