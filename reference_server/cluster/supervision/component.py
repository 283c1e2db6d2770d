"""One supervised component: restarted when it exits by itself, held down when it was killed."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

from gauntlet.reference_server.cluster.supervision import health
from gauntlet.reference_server.cluster.supervision.launch_spec import LaunchSpec
from gauntlet.reference_server.cluster.supervision.process import ChildProcess
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.cluster.topology.errors import StartError, StateError

State = Literal["planned", "starting", "up", "held", "paused", "exited"]
# Receives the component, the event, the pid and details.
EmitEvent = Callable[[str, str, int | None, dict[str, Any]], None]

RESTART_DELAY_MIN_S = 0.5
RESTART_DELAY_MAX_S = 5.0
# After a component has been up for this long, the back-off starts over.
RESTART_RESET_S = 10.0
START_TIMEOUT_S = 50.0
STOP_TIMEOUT_S = 5.0
_HEALTH_INTERVAL_S = 0.05


def restart_delay_s(previous_s: float | None, up_s: float) -> float:
    """Return the seconds until the next restart: doubling, or the minimum after a stable run."""
    if previous_s is None or up_s >= RESTART_RESET_S:
        return RESTART_DELAY_MIN_S
    return min(previous_s * 2, RESTART_DELAY_MAX_S)


class Component:
    """A planned component and, while it runs, its process."""

    def __init__(self, planned: plan.PlannedComponent, launch: LaunchSpec, emit: EmitEvent) -> None:
        self.planned = planned
        self.launch = launch
        self.state: State = "planned"
        self.restarts = 0
        self._emit = emit
        self._child: ChildProcess | None = None
        self._helpers: list[ChildProcess] = []
        self._restarter: asyncio.Task[None] | None = None
        # Starting, killing and stopping a component exclude each other.
        self._lock = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The process id, or None while there is no process."""
        return self._child.pid if self._child and self._child.alive else None

    async def start(self, delay_s: float = 0.0) -> int:
        """Start the component and return the pid once it is healthy; StartError, StateError.

        With a delay, its process only begins to start after it.
        """
        if self.state == "paused":
            raise StateError(f"{self.planned.name} is paused; resume it first")
        async with self._exclusively():
            is_alive = self._child is not None and self._child.alive
            child = self._child if is_alive and self._child else await self._launch(delay_s)
            self._restarter = asyncio.create_task(
                self._restart_loop(child), name=f"restart {self.planned.name}"
            )
            return child.pid

    async def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """End the process and hold the component down; StateError if there is none.

        Return the pid that the process had.
        """
        async with self._exclusively():
            # Read only now: a start in progress may just have replaced the process.
            child = self._child
            if child is None or self.state in ("planned", "held"):
                raise StateError(f"{self.planned.name} is {self.state}")
            self.state = "held"
            if number == signal.SIGKILL:
                await child.kill()
            else:
                await child.end(number, STOP_TIMEOUT_S)
            await self._end_helpers()
        self._report("killed", child.pid, signal=number.name)
        return child.pid

    def pause(self) -> int:
        """Stop the whole process tree with SIGSTOP; return the pid."""
        child = self._running_process()
        child.signal_tree(signal.SIGSTOP)
        self.state = "paused"
        self._report("paused", child.pid)
        return child.pid

    def resume(self) -> int:
        """Continue a paused process tree; return the pid."""
        child = self._running_process()
        if self.state != "paused":
            raise StateError(f"{self.planned.name} is not paused")
        child.signal_tree(signal.SIGCONT)
        self.state = "up"
        self._report("resumed", child.pid)
        return child.pid

    async def promote(self) -> int:
        """Make a running standby the primary; return the pid. StateError if it is no standby."""
        child = self._running_process()
        if self.launch.promote is None:
            raise StateError(f"{self.planned.name} has no standby and is none")
        await self.launch.promote()
        self._report("promoted", child.pid)
        return child.pid

    def retire(self) -> None:
        """Mark a stopped component as planned again."""
        self.state = "planned"

    async def stop(self) -> None:
        """End the process, with SIGKILL after `STOP_TIMEOUT_S`, and hold the component down."""
        async with self._exclusively():
            self.state = "held"
            if self._child is not None:
                await self._child.end(self.launch.stop_signal, STOP_TIMEOUT_S)
            await self._end_helpers()

    def start_error(self, reason: str) -> StartError:
        """Return the error that reports why this component is not up, with the end of its log."""
        return StartError(self.planned.name, reason, self.launch.log)

    async def _launch(self, delay_s: float = 0.0) -> ChildProcess:
        self.state = "starting"
        launch = self.launch
        try:
            async with asyncio.timeout(START_TIMEOUT_S + delay_s):
                await launch.prepare()
                self._helpers = [await ChildProcess.spawn(argv, launch) for argv in launch.helpers]
                child = self._child = await ChildProcess.spawn(launch.delayed_argv(delay_s), launch)
                await self._wait_until_healthy(child)
        except BaseException as error:
            await self._abort_start()
            if isinstance(error, OSError):  # TimeoutError is one
                timeout = f"not healthy after {START_TIMEOUT_S:.0f} s"
                raise self.start_error(str(error) or timeout) from error
            raise
        self.state = "up"
        self._report("started", child.pid)
        return child

    async def _wait_until_healthy(self, child: ChildProcess) -> None:
        """Return once the health check passes; StartError if the process ends first."""
        check = health.CHECKS[self.planned.engine]
        while not await check(plan.HOST, self.planned.port):
            if not child.alive:
                reason = f"ended with {_describe_status(await child.wait())} before it was healthy"
                raise self.start_error(reason)
            await asyncio.sleep(_HEALTH_INTERVAL_S)

    async def _abort_start(self) -> None:
        self.state = "exited"
        if self._child is not None and self._child.alive:
            await self._child.kill()
        await self._end_helpers()

    async def _restart_loop(self, child: ChildProcess) -> None:
        """Start the component again whenever its process exits by itself, until cancelled."""
        delay_s: float | None = None
        while True:
            started_s = time.monotonic()
            status = await child.wait()
            self.state = "exited"
            self._report("exited", child.pid, status=_describe_status(status))
            await self._end_helpers()
            delay_s = restart_delay_s(delay_s, time.monotonic() - started_s)
            child, delay_s = await self._restart(delay_s)

    async def _restart(self, delay_s: float) -> tuple[ChildProcess, float]:
        while True:
            await asyncio.sleep(delay_s)
            self.restarts += 1
            try:
                async with self._lock:
                    return await self._launch(), delay_s
            except StartError as error:
                self._report("exited", None, reason=str(error))
                delay_s = restart_delay_s(delay_s, 0.0)

    @contextlib.asynccontextmanager
    async def _exclusively(self) -> AsyncIterator[None]:
        """Exclude every other start, kill and stop, and the task that restarts the component."""
        # Before the lock: a restarter holds the lock for as long as its start takes.
        await self._cancel_restarter()
        async with self._lock:
            # Again: the previous holder of the lock may have created a new restarter.
            await self._cancel_restarter()
            yield

    async def _cancel_restarter(self) -> None:
        # Reset before the wait, during which another start may create the next restarter.
        restarter, self._restarter = self._restarter, None
        if restarter is not None:
            restarter.cancel()
            await asyncio.wait([restarter])

    async def _end_helpers(self) -> None:
        for helper in self._helpers:
            await helper.end(signal.SIGTERM, STOP_TIMEOUT_S)
        self._helpers = []

    def _running_process(self) -> ChildProcess:
        if self._child is None or not self._child.alive:
            raise StateError(f"{self.planned.name} has no process; its state is {self.state}")
        return self._child

    def _report(self, event: str, pid: int | None, **detail: Any) -> None:
        self._emit(self.planned.name, event, pid, detail)


def _describe_status(status: int) -> str:
    if status < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-status).name
        return f"signal {-status}"  # a real-time signal has no name
    return f"exit code {status}"
