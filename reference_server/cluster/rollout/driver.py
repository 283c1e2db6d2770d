"""Executes what the state machine of a move wants, and tells it what happened."""

import asyncio
import contextlib
import dataclasses
import logging
import time
from typing import Annotated, Any, assert_never

import aiohttp
import msgspec

from gauntlet.reference_server.cluster.engines.python_process import Wiring, websocket_url
from gauntlet.reference_server.cluster.rollout import canary, edges
from gauntlet.reference_server.cluster.rollout import cutover as machine
from gauntlet.reference_server.cluster.rollout.edge_stats import EdgeWatch
from gauntlet.reference_server.cluster.supervision.supervisor import Supervisor
from gauntlet.reference_server.cluster.topology.errors import ClusterError, RequestError, StateError
from gauntlet.reference_server.cluster.topology.plan import ENVIRONMENTS, Component

log = logging.getLogger(__name__)

_OBSERVE_EVERY_S = 0.25
# Clients that were told and did not go are closed this much after the last was told.
_DEADLINE_AFTER_MS = 4000
# A process that exited is back in less: at most 5 s until its restart, and its start.
_PATIENCE_S = 10.0
_AGAIN_EVERY_S = 0.25


class DrainRequest(msgspec.Struct, forbid_unknown_fields=True):
    """How fast clients are told to go, and in how many waves who did not go is closed."""

    drain_ms: Annotated[int, msgspec.Meta(ge=0)] = 8000
    waves: Annotated[int, msgspec.Meta(ge=1)] = 4


class CutoverRequest(DrainRequest, kw_only=True):
    """The body of `POST /cutover`."""

    to: str
    canaries: bool = True

    def __post_init__(self) -> None:
        if self.to not in ENVIRONMENTS:
            raise ValueError(f"`to` must be one of {', '.join(ENVIRONMENTS)}")


class CutoverDriver:
    """At most one move of clients at a time, and the record of the last cutover."""

    def __init__(self, supervisor: Supervisor, wiring: Wiring, http: aiohttp.ClientSession) -> None:
        self.environment = ENVIRONMENTS[0]
        # The edge that is being taken out.
        self.leaving: str | None = None
        self._supervisor = supervisor
        self._wiring = wiring
        self._http = http
        self._watch = EdgeWatch(supervisor, http)
        self._limits = machine.Limits()
        self._pace = DrainRequest()
        self._move: machine.Move | None = None
        self._cutover: machine.Move | None = None
        # The edges that clients are moved to; how many clients each old edge has told to go.
        self._heirs: list[str] = []
        self._told: dict[str, int] = {}
        self._driving: asyncio.Task[None] | None = None
        self._executing: asyncio.Task[None] | None = None

    def begin(self, request: CutoverRequest) -> None:
        """Begin a cutover; StateError while clients move or when there is nothing to do."""
        self._require_rest()
        move = machine.cutover(
            self.environment,
            request.to,
            canaries=request.canaries,
            limits=self._limits,
            now_ns=time.monotonic_ns(),
        )
        # As many edges as began, or as there are now after a scale-out.
        found = [each.planned for each in self._supervisor.group(request.to)]
        usual = sum(not each.spare for each in found)
        heirs = found[: max(usual, len(self._watch.up(self.environment)))]
        self._cutover = move
        self._start(move, request, heirs)

    def begin_scale_in(self, name: str, request: DrainRequest) -> None:
        """Begin to take an edge out; StateError while clients move or when it is the last."""
        self._require_rest()
        edge = self._supervisor[name].planned
        if edge.environment is None:
            raise RequestError(f"{name} is no edge")
        if not self._watch.up(name):
            raise StateError(f"{name} is {self._supervisor[name].state}")
        others = [each for each in self._watch.up(edge.environment) if each is not edge]
        if not others:
            raise StateError(f"{name} is the last edge of {edge.environment}")
        self.leaving = name
        move = machine.scale_in(name, limits=self._limits, now_ns=time.monotonic_ns())
        self._start(move, request, others)

    def roll_back(self) -> None:
        """Go back to where it began; StateError when none runs or it is too late."""
        if self._cutover is None or self._cutover is not self._move:
            raise StateError("no cutover is running")
        self._cutover.advance(machine.RollbackRequested(), time.monotonic_ns())
        if self._executing is not None:
            self._executing.cancel()

    async def status(self) -> dict[str, Any]:
        """The body of `GET /cutover`."""
        cutover = self._cutover
        heirs = self._heirs or [each.name for each in self._watch.up(self.environment)]
        seen = dataclasses.asdict(await self._watch.look(heirs))
        connections = seen.pop("connections")
        return {
            "state": cutover.state if cutover else machine.State.IDLE,
            "environment": self.environment,
            "steps": [dataclasses.asdict(step) for step in cutover.steps] if cutover else [],
            "connections": {name: connections[name] for name in ENVIRONMENTS},
            "told": sum(self._told.values()),
            "forced_closes": self._watch.forced_closes(),
            "watched": {"edges": heirs, **seen},
            "error": cutover.error if cutover else None,
        }

    async def switch(self, environment: str) -> None:
        """Send new connections to an environment; CallError if the sessions service does not."""
        for each in self._supervisor.plan.hosting("sessions"):
            body = {"environment": environment}
            await edges.call(self._http, each, "environment", method="POST", json=body)
        self.environment = environment

    async def close(self) -> None:
        """Stop driving; the move stays where it is."""
        if self._driving is not None:
            self._driving.cancel()
            await asyncio.wait([self._driving])

    def _require_rest(self) -> None:
        if self._move is not None and self._move.state not in machine.FINAL:
            what = f"{self.leaving} is being taken out" if self.leaving else "a cutover is running"
            raise StateError(f"{what}: {self._move.state}")

    def _start(self, move: machine.Move, pace: DrainRequest, heirs: list[Component]) -> None:
        self._move = move
        self._pace = pace
        self._heirs = [each.name for each in heirs]
        self._told = {}
        self._watch.forget()
        self._driving = asyncio.create_task(self._drive(move), name="move of clients")

    async def _drive(self, move: machine.Move) -> None:
        try:
            while (command := move.command) is not None:
                await self._try(move, command)
        finally:
            self.leaving = None
            self._heirs = []

    async def _try(self, move: machine.Move, command: machine.Command) -> None:
        self._executing = asyncio.create_task(self._persist(move, command))
        try:
            await self._executing
            result: machine.Observation = machine.Succeeded()
        except asyncio.CancelledError:
            # Either we are to end, or the machine was rolled back and its command cancelled.
            if self._driving is None or self._driving.cancelling():
                raise
            return
        except (ClusterError, OSError) as error:
            result = machine.Failed(str(error))
        except Exception as error:
            # Else nobody would execute the way back, and every later move would be refused.
            log.exception("a step of the move failed: %s", move.state)
            result = machine.Failed(repr(error))
        # An observation made on the way may have taken the machine elsewhere already.
        if move.command is command:
            move.advance(result, time.monotonic_ns())

    async def _persist(self, move: machine.Move, command: machine.Command) -> None:
        """Do it; on the way back again and again for a while, as no way leads back from there."""
        patience_s = _PATIENCE_S if move.state is machine.State.ROLLBACK else 0.0
        end = time.monotonic() + patience_s
        while True:
            try:
                return await self._execute(move, command)
            except (ClusterError, OSError):
                if time.monotonic() >= end:
                    raise
            await asyncio.sleep(_AGAIN_EVERY_S)

    async def _execute(self, move: machine.Move, command: machine.Command) -> None:
        """Do it, telling the machine what is observed on the way."""
        match command:
            case machine.StartEdges():
                await self._supervisor.start(self._heirs)
            case machine.RunCanaries(new, old):
                await self._run_canaries(old, new)
                move.advance(await self._watch.look(self._heirs), time.monotonic_ns())
            case machine.Switch(environment):
                await self.switch(environment)
            case machine.Drain():
                await self._observe_while(move, command, self._pace.drain_ms / 1000)
            case machine.StopDrain(group):
                await self._stop_drain(group)
            case machine.AwaitEmpty():
                await self._observe_while(move, command, float("inf"))
            case machine.CloseEdges(group):
                await asyncio.gather(*(each.stop() for each in self._supervisor.group(group)))
            case machine.RetireEdges(group):
                for component in self._supervisor.group(group):
                    component.retire()
            case _:
                assert_never(command)

    async def _run_canaries(self, old: str, new: str) -> None:
        gateways = self._supervisor.plan.hosting("gateway")
        up = [each for each in gateways if self._supervisor[each.name].state == "up"]
        urls = [[websocket_url(each.address) for each in self._watch.up(env)] for env in (old, new)]
        await canary.verify(f"http://{(up or gateways)[0].address}", *urls)

    async def _stop_drain(self, group: str) -> None:
        """Tell every edge, whatever the others answer; an error when none of them takes clients.

        One that was told is enough to go on; the others are told while its clients come back.
        """
        calls = [edges.call(self._http, each, "undrain") for each in self._watch.up(group)]
        if not calls:
            raise StateError(f"no edge of {group} runs")
        answers = await asyncio.gather(*calls, return_exceptions=True)
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        if len(failures) == len(calls):
            raise failures[0]

    async def _observe_while(
        self, move: machine.Move, command: machine.Drain | machine.AwaitEmpty, most_s: float
    ) -> None:
        """Feed the machine with observations until it wants something else, or time is up.

        An edge that came up only now, or hung, knows nothing of the drain or of its end: every turn
        tells who is not told.
        """
        end = time.monotonic() + most_s
        while move.command is command and time.monotonic() < end:
            observed = await self._watch.look(self._heirs)
            leaving = self._watch.up(command.group)
            for edge in leaving:
                if not self._watch.of(edge.name).get("draining"):
                    with contextlib.suppress(edges.CallError):
                        await self._drain(edge)
            for edge in self._watch.up(self.environment):
                if edge not in leaving and self._watch.of(edge.name).get("draining"):
                    with contextlib.suppress(edges.CallError):
                        await edges.call(self._http, edge, "undrain")
            move.advance(observed, time.monotonic_ns())
            await asyncio.sleep(_OBSERVE_EVERY_S)

    async def _drain(self, edge: Component) -> None:
        """Tell its clients to go where new ones go, or to its neighbours when it alone leaves."""
        environment = (edge.environment or "") if self.leaving else self.environment
        others = [each for each in self._watch.up(environment) if each.name != edge.name]
        params = {
            "url": [websocket_url(self._wiring.at("client", to.name)) for to in others],
            "drain_ms": self._pace.drain_ms,
            "deadline_ms": self._pace.drain_ms + _DEADLINE_AFTER_MS,
            "waves": self._pace.waves,
            "reason": "scale-in" if self.leaving else "cutover",
        }
        answer = await edges.call(self._http, edge, "drain", params=params)
        self._told[edge.name] = self._told.get(edge.name, 0) + answer["told"]
