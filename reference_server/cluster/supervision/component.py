"""One supervised component: started, watched, restarted when it exits, held when it was killed."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

from gauntlet.reference_server.cluster.supervision import health
from gauntlet.reference_server.cluster.supervision.launch_spec import Launch
from gauntlet.reference_server.cluster.supervision.process import Child
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.cluster.topology.errors import StartError, StateError

State = Literal["planned", "starting", "up", "held", "paused", "exited"]
Emit = Callable[[str, str, int | None, dict[str, Any]], None]

RESTART_FIRST_S = 0.5
RESTART_MAX_S = 5.0
# A component that stayed up this long has earned a fresh backoff.
RESTART_FORGIVEN_S = 10.0
START_TIMEOUT_S = 50.0
STOP_PATIENCE_S = 5.0
_HEALTH_EVERY_S = 0.05


def restart_delay_s(previous_s: float | None, up_s: float) -> float:
    """Seconds until the next restart: doubling, from the start again after a stable life."""
    if previous_s is None or up_s >= RESTART_FORGIVEN_S:
        return RESTART_FIRST_S
    return min(previous_s * 2, RESTART_MAX_S)


class Component:
    """A planned component and, at most times, its process."""

    def __init__(self, planned: plan.Component, launch: Launch, emit: Emit) -> None:
        self.planned = planned
        self.launch = launch
        self.state: State = "planned"
        self.restarts = 0
        self._emit = emit
        self._child: Child | None = None
        self._helpers: list[Child] = []
        self._keeper: asyncio.Task[None] | None = None
        # Starting, killing and stopping one component exclude each other.
        self._lock = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The process id while there is a process."""
        return self._child.pid if self._child and self._child.alive else None

    async def start(self) -> int:
        """Start it and return the pid once it is healthy; StartError, StateError."""
        if self.state == "paused":
            raise StateError(f"{self.planned.name} is paused; resume it")
        async with self._alone():
            child = self._child if self._child and self._child.alive else await self._launch()
            self._keeper = asyncio.create_task(self._keep(child), name=f"keep {self.planned.name}")
            return child.pid

    async def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """End it and hold it down; returns the pid that it had. StateError if it was not there."""
        async with self._alone():
            # A start that was under way has just made another one.
            child = self._child
            if child is None or self.state in ("planned", "held"):
                raise StateError(f"{self.planned.name} is {self.state}")
            self.state = "held"
            if number == signal.SIGKILL:
                await child.kill()
            else:
                await child.end(number, STOP_PATIENCE_S)
            await self._end_helpers()
        self._tell("killed", child.pid, signal=number.name)
        return child.pid

    def pause(self) -> int:
        """Freeze the whole process tree; returns its pid."""
        child = self._running()
        child.signal_tree(signal.SIGSTOP)
        self.state = "paused"
        self._tell("paused", child.pid)
        return child.pid

    def resume(self) -> int:
        """Let a paused process tree go on; returns its pid."""
        child = self._running()
        if self.state != "paused":
            raise StateError(f"{self.planned.name} is not paused")
        child.signal_tree(signal.SIGCONT)
        self.state = "up"
        self._tell("resumed", child.pid)
        return child.pid

    def retire(self) -> None:
        """Count a stopped component as planned again."""
        self.state = "planned"

    async def stop(self) -> None:
        """End it and hold it down: asked first, killed after `STOP_PATIENCE_S`."""
        async with self._alone():
            self.state = "held"
            if self._child is not None:
                await self._child.end(self.launch.stop_signal, STOP_PATIENCE_S)
            await self._end_helpers()

    def failure(self, reason: str) -> StartError:
        """The error that tells why this component is not up, with the end of its log."""
        return StartError(self.planned.name, reason, self.launch.log)

    async def _launch(self) -> Child:
        self.state = "starting"
        launch = self.launch
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await launch.prepare()
                self._helpers = [await Child.spawn(argv, launch) for argv in launch.helpers]
                child = self._child = await Child.spawn(launch.argv, launch)
                await self._healthy(child)
        except BaseException as error:
            await self._abandon()
            if isinstance(error, OSError):  # TimeoutError is one
                late = f"not healthy after {START_TIMEOUT_S:.0f} s"
                raise self.failure(str(error) or late) from error
            raise
        self.state = "up"
        self._tell("started", child.pid)
        return child

    async def _healthy(self, child: Child) -> None:
        """Return once the health check passes; StartError when the process ends first."""
        check = health.CHECKS[self.planned.engine]
        while not await check(plan.HOST, self.planned.port):
            if not child.alive:
                reason = f"ended with {_describe(await child.wait())} before it was healthy"
                raise self.failure(reason)
            await asyncio.sleep(_HEALTH_EVERY_S)

    async def _abandon(self) -> None:
        self.state = "exited"
        if self._child is not None and self._child.alive:
            await self._child.kill()
        await self._end_helpers()

    async def _keep(self, child: Child) -> None:
        """Wait for the process to exit by itself, and start it again, for ever."""
        delay_s: float | None = None
        while True:
            since = time.monotonic()
            status = await child.wait()
            self.state = "exited"
            self._tell("exited", child.pid, status=_describe(status))
            await self._end_helpers()
            delay_s = restart_delay_s(delay_s, time.monotonic() - since)
            child, delay_s = await self._restart(delay_s)

    async def _restart(self, delay_s: float) -> tuple[Child, float]:
        while True:
            await asyncio.sleep(delay_s)
            self.restarts += 1
            try:
                async with self._lock:
                    return await self._launch(), delay_s
            except StartError as error:
                self._tell("exited", None, reason=str(error))
                delay_s = restart_delay_s(delay_s, 0.0)

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Exclude every other start, kill and stop, and whoever would start it again."""
        # A keeper that starts it again has the lock for as long as that takes.
        await self._cancel_keeper()
        async with self._lock:
            # Who had the lock before may have made a new one.
            await self._cancel_keeper()
            yield

    async def _cancel_keeper(self) -> None:
        # Taken out first: while this waits, another start may make the next one.
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait([keeper])

    async def _end_helpers(self) -> None:
        for helper in self._helpers:
            await helper.end(signal.SIGTERM, STOP_PATIENCE_S)
        self._helpers = []

    def _running(self) -> Child:
        if self._child is None or not self._child.alive:
            raise StateError(f"{self.planned.name} has no process: it is {self.state}")
        return self._child

    def _tell(self, event: str, pid: int | None, **detail: Any) -> None:
        self._emit(self.planned.name, event, pid, detail)


def _describe(status: int) -> str:
    if status < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-status).name
    return f"exit code {status}"
