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
from reference_server.cluster.component import Component
from reference_server.cluster.cutover import (
    FINAL,
    AwaitEmpty,
    CloseEdges,
    Command,
    Cutover,
    Drain,
    Failed,
    Limits,
    Observed,
    RetireEdges,
    RollbackRequested,
    RunCanaries,
    StartEdges,
    State,
    StopDrain,
    Succeeded,
    Switch,
)
from reference_server.cluster.errors import ClusterError, StateError
from reference_server.cluster.plan import ENVIRONMENTS
from reference_server.cluster.python_process import Wiring, websocket_url
from reference_server.cluster.supervisor import Supervisor

_OBSERVE_EVERY_S = 0.25
# Clients that were told and did not go are closed this much after the last was told.
_DEADLINE_AFTER_MS = 4000


class CutoverRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /cutover`."""

    to: str
    drain_ms: int = 8000
    waves: int = 4
    canaries: bool = True

    def __post_init__(self) -> None:
        if self.to not in ENVIRONMENTS:
            raise ValueError(f"`to` must be one of {', '.join(ENVIRONMENTS)}")
        if self.drain_ms < 0 or self.waves < 1:
            raise ValueError("`drain_ms` must be 0 or more, `waves` 1 or more")


class CutoverDriver:
    """At most one cutover at a time, and the record of the last one."""

    def __init__(
        self,
        supervisor: Supervisor,
        wiring: Wiring,
        http: aiohttp.ClientSession,
        environment: str,
    ) -> None:
        self.environment = environment
        self._supervisor = supervisor
        self._wiring = wiring
        self._http = http
        self._limits = Limits()
        self._request = CutoverRequest(environment)
        self._cutover: Cutover | None = None
        self._forced_closes: dict[str, int] = {}
        self._driving: asyncio.Task[None] | None = None
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
        self._driving = asyncio.create_task(self._drive(self._cutover), name="cutover")

    def roll_back(self) -> None:
        """Go back to where it began; StateError when none runs or it is too late."""
        if self._cutover is None:
            raise StateError("no cutover is running")
        self._cutover.advance(RollbackRequested(), time.monotonic_ns())
        if self._executing is not None:
            self._executing.cancel()

    async def status(self) -> dict[str, Any]:
        """The body of `GET /cutover`."""
        cutover = self._cutover
        return {
            "state": cutover.state if cutover else State.IDLE,
            "environment": self.environment,
            "steps": [dataclasses.asdict(step) for step in cutover.steps] if cutover else [],
            "connections": (await self._observe()).connections,
            "forced_closes": sum(self._forced_closes.values()),
            "error": cutover.error if cutover else None,
        }

    async def close(self) -> None:
        """Stop driving; the cutover stays where it is."""
        if self._driving is not None:
            self._driving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._driving

    async def _drive(self, cutover: Cutover) -> None:
        while (command := cutover.command) is not None:
            self._executing = asyncio.create_task(self._execute(cutover, command))
            try:
                observation: Succeeded | Failed = Succeeded(await self._executing)
            except asyncio.CancelledError:
                # Either we are to end, or the machine was rolled back and its command cancelled.
                if self._driving is None or self._driving.cancelling():
                    raise
                continue
            except (ClusterError, OSError) as error:
                observation = Failed(str(error))
            # An observation made on the way may have taken the machine elsewhere already.
            if cutover.command is command:
                cutover.advance(observation, time.monotonic_ns())

    async def _execute(self, cutover: Cutover, command: Command) -> dict[str, Any]:
        """Do it; returns what is worth recording."""
        found = self._supervisor.environment(command.environment)
        match command:
            case StartEdges():
                await self._supervisor.start([each.planned.name for each in found])
            case RunCanaries(old=old):
                return await self._run_canaries(self._up(old), self._up(command.environment))
            case Switch(environment):
                for each in self._supervisor.plan.hosting("sessions"):
                    body = {"environment": environment}
                    await edges.call(self._http, each, "environment", method="POST", json=body)
                self.environment = environment
            case Drain():
                await self._observe_while(cutover, command, self._request.drain_ms / 1000)
            case StopDrain(environment):
                for each in self._up(environment):
                    await edges.call(self._http, each, "undrain")
            case AwaitEmpty():
                await self._observe_while(cutover, command, float("inf"))
            case CloseEdges():
                await asyncio.gather(*(each.stop() for each in found))
            case RetireEdges():
                for component in found:
                    component.retire()
            case _:
                assert_never(command)
        return {}

    async def _run_canaries(
        self, old: list[planning.Component], new: list[planning.Component]
    ) -> dict[str, Any]:
        gateway = self._supervisor.plan.hosting("gateway")[0]
        handshakes = await canary.verify(
            self._http,
            f"http://{gateway.address}",
            [websocket_url(each.address) for each in old],
            [websocket_url(each.address) for each in new],
        )
        seen = Observed({}, handshakes.p99_ms, handshakes.errors_ratio)
        if broken := self._limits.broken_by(seen):
            raise canary.CanaryError(broken)
        return dataclasses.asdict(handshakes)

    async def _observe_while(
        self, cutover: Cutover, command: Drain | AwaitEmpty, at_most_s: float
    ) -> None:
        """Feed the machine with observations until it wants something else, or time is up.

        An edge that came up only now knows nothing of the drain: every turn tells who is not told.
        """
        end = time.monotonic() + at_most_s
        while cutover.command is command and time.monotonic() < end:
            for edge in self._up(command.environment):
                with contextlib.suppress(edges.CallError):
                    stats = await edges.call(self._http, edge, "stats")
                    if not stats["draining"]:
                        await self._drain(edge)
            cutover.advance(await self._observe(), time.monotonic_ns())
            await asyncio.sleep(_OBSERVE_EVERY_S)

    async def _drain(self, edge: planning.Component) -> None:
        urls = [
            websocket_url(self._wiring.at("client", each.name))
            for environment in ENVIRONMENTS
            for each in self._up(environment)
            if environment != edge.environment
        ]
        params = {
            "url": urls,
            "drain_ms": self._request.drain_ms,
            "deadline_ms": self._request.drain_ms + _DEADLINE_AFTER_MS,
            "waves": self._request.waves,
        }
        await edges.call(self._http, edge, "drain", params=params)

    async def _observe(self) -> Observed:
        """Ask every running edge; one that does not answer counts as empty."""
        connections = dict.fromkeys(ENVIRONMENTS, 0)
        handshake_p99_ms = loop_lag_ms = 0.0
        for edge in [each for name in ENVIRONMENTS for each in self._up(name)]:
            with contextlib.suppress(edges.CallError):
                stats = await edges.call(self._http, edge, "stats")
                connections[edge.environment or ""] += stats["connections"]
                self._forced_closes[edge.name] = stats["forced_closes"]
                if edge.environment == self._request.to:
                    handshake_p99_ms = max(handshake_p99_ms, stats["handshake_p99_ms"])
                    loop_lag_ms = max(loop_lag_ms, stats["loop_lag_ms"])
        return Observed(connections, handshake_p99_ms, loop_lag_ms=loop_lag_ms)

    def _up(self, environment: str) -> list[planning.Component]:
        found: list[Component] = self._supervisor.environment(environment)
        return [each.planned for each in found if each.state == "up"]
