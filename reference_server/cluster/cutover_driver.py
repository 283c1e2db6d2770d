"""Executes what the cutover's state machine wants, and tells it what happened."""

import asyncio
import contextlib
import dataclasses
import time
from typing import Any, assert_never

import aiohttp
import msgspec

from reference_server.cluster import canary, edges
from reference_server.cluster import cutover as machine
from reference_server.cluster.errors import ClusterError, StateError
from reference_server.cluster.plan import ENVIRONMENTS, Component
from reference_server.cluster.python_process import Wiring, websocket_url
from reference_server.cluster.supervisor import Supervisor

_OBSERVE_EVERY_S = 0.25
_UNSEEN = {"connections": 0, "handshake_p99_ms": 0.0, "loop_lag_ms": 0.0}
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

    def __init__(self, supervisor: Supervisor, wiring: Wiring, http: aiohttp.ClientSession) -> None:
        self.environment = ENVIRONMENTS[0]
        self._supervisor = supervisor
        self._wiring = wiring
        self._http = http
        self._limits = machine.Limits()
        self._request = CutoverRequest(self.environment)
        self._cutover: machine.Cutover | None = None
        # The last statistics of every running edge, by name.
        self._stats: dict[str, dict[str, Any]] = {}
        self._driving: asyncio.Task[None] | None = None
        self._executing: asyncio.Task[None] | None = None

    def begin(self, request: CutoverRequest) -> None:
        """Begin a cutover; StateError while one runs or when there is nothing to do."""
        if self._cutover is not None and self._cutover.state not in machine.FINAL:
            raise StateError(f"a cutover is running: {self._cutover.state}")
        self._cutover = machine.Cutover(
            self.environment,
            request.to,
            canaries=request.canaries,
            limits=self._limits,
            now_ns=time.monotonic_ns(),
        )
        self._request = request
        self._stats = {}
        self._driving = asyncio.create_task(self._drive(self._cutover), name="cutover")

    def roll_back(self) -> None:
        """Go back to where it began; StateError when none runs or it is too late."""
        if self._cutover is None:
            raise StateError("no cutover is running")
        self._cutover.advance(machine.RollbackRequested(), time.monotonic_ns())
        if self._executing is not None:
            self._executing.cancel()

    async def status(self) -> dict[str, Any]:
        """The body of `GET /cutover`."""
        cutover = self._cutover
        connections = (await self._observe()).connections
        return {
            "state": cutover.state if cutover else machine.State.IDLE,
            "environment": self.environment,
            "steps": [dataclasses.asdict(step) for step in cutover.steps] if cutover else [],
            "connections": connections,
            "forced_closes": sum(stats["forced_closes"] for stats in self._stats.values()),
            "error": cutover.error if cutover else None,
        }

    async def switch(self, environment: str) -> None:
        """Send new connections to an environment; CallError if the sessions service does not."""
        for each in self._supervisor.plan.hosting("sessions"):
            body = {"environment": environment}
            await edges.call(self._http, each, "environment", method="POST", json=body)
        self.environment = environment

    async def close(self) -> None:
        """Stop driving; the cutover stays where it is."""
        if self._driving is not None:
            self._driving.cancel()
            await asyncio.wait([self._driving])

    async def _drive(self, cutover: machine.Cutover) -> None:
        while (command := cutover.command) is not None:
            self._executing = asyncio.create_task(self._execute(cutover, command))
            try:
                await self._executing
                result: machine.Observation = machine.Succeeded()
            except asyncio.CancelledError:
                # Either we are to end, or the machine was rolled back and its command cancelled.
                if self._driving is None or self._driving.cancelling():
                    raise
                continue
            except (ClusterError, OSError) as error:
                result = machine.Failed(str(error))
            # An observation made on the way may have taken the machine elsewhere already.
            if cutover.command is command:
                cutover.advance(result, time.monotonic_ns())

    async def _execute(self, cutover: machine.Cutover, command: machine.Command) -> None:
        """Do it, telling the machine what is observed on the way."""
        found = self._supervisor.environment(command.environment)
        match command:
            case machine.StartEdges():
                await self._supervisor.start([each.planned.name for each in found])
            case machine.RunCanaries(new, old):
                api = f"http://{self._supervisor.plan.hosting('gateway')[0].address}"
                urls = [
                    [websocket_url(each.address) for each in self._up(env)] for env in (old, new)
                ]
                await canary.verify(api, *urls)
                cutover.advance(await self._observe(), time.monotonic_ns())
            case machine.Switch(environment):
                await self.switch(environment)
            case machine.Drain():
                await self._observe_while(cutover, command, self._request.drain_ms / 1000)
            case machine.StopDrain(environment):
                for each in self._up(environment):
                    await edges.call(self._http, each, "undrain")
            case machine.AwaitEmpty():
                await self._observe_while(cutover, command, float("inf"))
            case machine.CloseEdges():
                await asyncio.gather(*(each.stop() for each in found))
            case machine.RetireEdges():
                for component in found:
                    component.retire()
            case _:
                assert_never(command)

    async def _observe_while(
        self, cutover: machine.Cutover, command: machine.Drain | machine.AwaitEmpty, most_s: float
    ) -> None:
        """Feed the machine with observations until it wants something else, or time is up.

        An edge that came up only now knows nothing of the drain: every turn tells who is not told.
        """
        end = time.monotonic() + most_s
        while cutover.command is command and time.monotonic() < end:
            observed = await self._observe()
            for edge in self._up(command.environment):
                with contextlib.suppress(edges.CallError):
                    if not self._stats.get(edge.name, {}).get("draining"):
                        await self._drain(edge)
            cutover.advance(observed, time.monotonic_ns())
            await asyncio.sleep(_OBSERVE_EVERY_S)

    async def _drain(self, edge: Component) -> None:
        (other,) = set(ENVIRONMENTS) - {edge.environment}
        params = {
            "url": [websocket_url(self._wiring.at("client", to.name)) for to in self._up(other)],
            "drain_ms": self._request.drain_ms,
            "deadline_ms": self._request.drain_ms + _DEADLINE_AFTER_MS,
            "waves": self._request.waves,
        }
        await edges.call(self._http, edge, "drain", params=params)

    async def _observe(self) -> machine.Observed:
        """Ask every running edge; one that does not answer is as it was when it last did."""
        running = [each for name in ENVIRONMENTS for each in self._up(name)]
        for edge in running:
            with contextlib.suppress(edges.CallError):
                self._stats[edge.name] = await edges.call(self._http, edge, "stats")
        seen: dict[str, list[dict[str, Any]]] = {name: [_UNSEEN] for name in ENVIRONMENTS}
        for edge in running:
            seen[edge.environment or ""].append(self._stats.get(edge.name, _UNSEEN))
        new = seen[self._request.to]
        return machine.Observed(
            {name: sum(stats["connections"] for stats in seen[name]) for name in ENVIRONMENTS},
            max(stats["handshake_p99_ms"] for stats in new),
            max(stats["loop_lag_ms"] for stats in new),
        )

    def _up(self, environment: str) -> list[Component]:
        found = self._supervisor.environment(environment)
        return [each.planned for each in found if each.state == "up"]
