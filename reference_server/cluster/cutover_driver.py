"""Executes what the cutover's state machine wants, and tells it what happened."""

import asyncio
import contextlib
import dataclasses
import time
from typing import Any, assert_never

import aiohttp
import msgspec

from reference_server.cluster import canary, edges
from reference_server.cluster import plan as planning
from reference_server.cluster.cutover import (
    FINAL,
    AwaitEmpty,
    CloseListeners,
    Command,
    Cutover,
    Drain,
    Failed,
    Limits,
    Observed,
    RollbackRequested,
    RunCanaries,
    StartEdges,
    State,
    StopDrain,
    StopEdges,
    Succeeded,
    Switch,
)
from reference_server.cluster.errors import ClusterError, StateError
from reference_server.cluster.plan import ENVIRONMENTS
from reference_server.cluster.python_process import WEBSOCKET_PATH, Wiring
from reference_server.cluster.supervisor import Supervisor

_OBSERVE_EVERY_S = 0.25


class CutoverRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /cutover`."""

    to: str
    drain_ms: int = 8000
    waves: int = 4
    canaries: bool = True

    def __post_init__(self) -> None:
        if self.to not in ENVIRONMENTS:
            raise ValueError(f"to must be one of {', '.join(ENVIRONMENTS)}")
        if self.drain_ms < 0 or self.waves < 1:
            raise ValueError("drain_ms must be 0 or more, waves 1 or more")


class CutoverDriver:
    """At most one cutover at a time, and the record of the last one."""

    def __init__(
        self,
        supervisor: Supervisor,
        wiring: Wiring,
        http: aiohttp.ClientSession,
        environment: str,
    ) -> None:
        self._supervisor = supervisor
        self._wiring = wiring
        self._http = http
        self.environment = environment
        self._request = CutoverRequest(environment)
        self._cutover: Cutover | None = None
        self._limits = Limits()
        self._connections = dict.fromkeys(ENVIRONMENTS, 0)
        self._forced_closes: dict[str, int] = {}
        self._handshakes = canary.Handshakes(0.0, 0.0)
        self._task: asyncio.Task[None] | None = None
        self._executing: asyncio.Task[dict[str, Any]] | None = None

    def begin(self, request: CutoverRequest) -> None:
        """Begin a cutover; StateError while one runs or when there is nothing to do."""
        if self._cutover is not None and self._cutover.state not in FINAL:
            raise StateError(f"a cutover is running: {self._cutover.state}")
        self._cutover = Cutover(
            self.environment,
            request.to,
            canaries=request.canaries,
            limits=self._limits,
            now_ns=time.monotonic_ns(),
        )
        self._request = request
        self._forced_closes = {}
        self._handshakes = canary.Handshakes(0.0, 0.0)
        self._task = asyncio.create_task(self._drive(self._cutover), name="cutover")

    def roll_back(self) -> None:
        """Go back to where it began; StateError when none runs or it is too late."""
        if self._cutover is None:
            raise StateError("no cutover is running")
        self._cutover.advance(RollbackRequested(), time.monotonic_ns())
        if self._executing is not None:
            self._executing.cancel()

    def status(self) -> dict[str, Any]:
        """The body of `GET /cutover`."""
        cutover = self._cutover
        steps = cutover.steps if cutover else []
        return {
            "state": cutover.state if cutover else State.IDLE,
            "environment": self.environment,
            "steps": [
                {"state": step.state, "t_ns": step.t_ns, "detail": step.detail} for step in steps
            ],
            "connections": self._connections,
            "forced_closes": sum(self._forced_closes.values()),
            "error": cutover.error if cutover else None,
        }

    async def close(self) -> None:
        """Stop driving; the cutover stays where it is."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _drive(self, cutover: Cutover) -> None:
        while (command := cutover.command) is not None:
            self._executing = asyncio.create_task(self._execute(cutover, command))
            try:
                detail = await self._executing
            except asyncio.CancelledError:
                if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                    raise
                # The machine was rolled back, and its command cancelled under us.
            except (ClusterError, OSError) as error:
                cutover.advance(Failed(str(error)), time.monotonic_ns())
            else:
                if cutover.command is command:
                    cutover.advance(Succeeded(detail), time.monotonic_ns())

    async def _execute(self, cutover: Cutover, command: Command) -> dict[str, Any]:
        """Do it; returns what is worth recording. Observations may change the command."""
        match command:
            case StartEdges(environment):
                starting = self._supervisor.environment(environment)
                await self._supervisor.start([each.planned.name for each in starting])
            case RunCanaries(old, new):
                return await self._run_canaries(old, new)
            case Switch(environment):
                await self._switch(environment)
            case Drain(environment, to):
                await self._drain(environment, to)
                await self._observe_while(cutover, command, self._request.drain_ms / 1000)
            case StopDrain(environment):
                await edges.call_all(self._http, self._up(environment), "/internal/undrain", {})
            case AwaitEmpty():
                await self._observe_while(cutover, command)
            case CloseListeners(environment):
                await edges.call_all(self._http, self._up(environment), "/internal/close", {})
            case StopEdges(environment):
                stopping = self._supervisor.environment(environment)
                await asyncio.gather(*(each.stop(to="planned") for each in stopping))
            case _:
                assert_never(command)
        return {}

    async def observe(self) -> Observed:
        """Ask every running edge; one that does not answer counts as empty."""
        running = [each for env in ENVIRONMENTS for each in self._up(env)]
        found = await asyncio.gather(*(edges.read_metrics(self._http, each) for each in running))
        self._connections = dict.fromkeys(ENVIRONMENTS, 0)
        lag_ms = dict.fromkeys(ENVIRONMENTS, 0.0)
        for edge, metrics in zip(running, found, strict=True):
            environment, values = edge.environment or "", metrics or {}
            self._connections[environment] += int(values.get("connections", 0))
            lag_ms[environment] = max(lag_ms[environment], values.get("loop_lag_ms", 0.0))
            self._forced_closes[edge.name] = int(values.get("forced_closes_total", 0))
        return Observed(
            connections=dict(self._connections),
            handshake_p99_ms=self._handshakes.p99_ms,
            handshake_errors_ratio=self._handshakes.errors_ratio,
            loop_lag_ms=lag_ms[self._request.to],
        )

    async def _observe_while(
        self, cutover: Cutover, command: Command, at_most_s: float = float("inf")
    ) -> None:
        """Feed the machine with observations until it wants something else, or time is up."""
        end = time.monotonic() + at_most_s
        while cutover.command is command and time.monotonic() < end:
            cutover.advance(await self.observe(), time.monotonic_ns())
            await asyncio.sleep(_OBSERVE_EVERY_S)

    async def _run_canaries(self, old: str, new: str) -> dict[str, Any]:
        gateway = self._supervisor.plan.hosting("gateway")[0]
        self._handshakes = await canary.verify(
            self._http,
            f"http://{gateway.address}",
            [_url(each) for each in self._up(old)],
            [_url(each) for each in self._up(new)],
        )
        seen = Observed({}, self._handshakes.p99_ms, self._handshakes.errors_ratio)
        if broken := self._limits.broken_by(seen):
            raise canary.CanaryError(broken)
        return dataclasses.asdict(self._handshakes)

    async def _switch(self, environment: str) -> None:
        sessions = self._supervisor.plan.hosting("sessions")
        body = {"environment": environment}
        await edges.call_all(self._http, sessions, "/internal/environment", body)
        self.environment = environment

    async def _drain(self, environment: str, to: str) -> None:
        urls = [self._client_url(each) for each in self._up(to)]
        body = {
            "urls": urls,
            "drain_ms": self._request.drain_ms,
            "waves": self._request.waves,
        }
        await edges.call_all(self._http, self._up(environment), "/internal/drain", body)

    def _up(self, environment: str) -> list[planning.Component]:
        found = self._supervisor.environment(environment)
        return [each.planned for each in found if each.state == "up"]

    def _client_url(self, edge: planning.Component) -> str:
        return f"ws://{self._wiring.at('client', edge.name)}{WEBSOCKET_PATH}"


def _url(edge: planning.Component) -> str:
    return f"ws://{edge.address}{WEBSOCKET_PATH}"
