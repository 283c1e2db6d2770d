"""Executes the commands of a migration's state machine, and reports the results back to it."""

import asyncio
import contextlib
import dataclasses
import logging
import time
from typing import Annotated, Any, assert_never

import aiohttp
import msgspec

from gauntlet.reference_server.cluster.engines.python_process import Wiring
from gauntlet.reference_server.cluster.rollout import canary, edge_stats
from gauntlet.reference_server.cluster.rollout import cutover as machine
from gauntlet.reference_server.cluster.rollout.edge_stats import EdgeStats
from gauntlet.reference_server.cluster.supervision.supervisor import Supervisor
from gauntlet.reference_server.cluster.topology.errors import ClusterError, RequestError, StateError
from gauntlet.reference_server.cluster.topology.plan import CLIENT, ENVIRONMENTS, PlannedComponent
from gauntlet.reference_server.core.tls import client_context

log = logging.getLogger(__name__)

_OBSERVE_INTERVAL_S = 0.25
# Clients that stay are closed this long after the end of `drain_ms`.
_DEADLINE_AFTER_MS = 4000
# A rollback retries its commands for this long. A process that exited is back in less: at most 5 s
# until its restart, plus its start.
_ROLLBACK_RETRY_S = 10.0
_RETRY_INTERVAL_S = 0.25


class DrainRequest(msgspec.Struct, forbid_unknown_fields=True):
    """How fast clients are asked to reconnect, and in how many waves those that stay are closed."""

    drain_ms: Annotated[int, msgspec.Meta(ge=0)] = 8000
    waves: Annotated[int, msgspec.Meta(ge=1)] = 4


class CutoverRequest(DrainRequest, kw_only=True):
    """The body of `POST /cutover`."""

    to: str
    canaries: bool = True

    def __post_init__(self) -> None:
        if self.to not in ENVIRONMENTS:
            raise ValueError(f"`to` must be one of {', '.join(ENVIRONMENTS)}; got {self.to!r}")


class CutoverDriver:
    """At most one migration of clients at a time, and the record of the last cutover."""

    def __init__(self, supervisor: Supervisor, wiring: Wiring, http: aiohttp.ClientSession) -> None:
        self.environment = ENVIRONMENTS[0]
        # The edge that a scale-in is removing.
        self.scaling_in: str | None = None
        self._supervisor = supervisor
        self._wiring = wiring
        self._http = http
        self._edge_stats = EdgeStats(supervisor, http)
        self._limits = machine.Limits()
        self._drain_request = DrainRequest()
        self._migration: machine.Migration | None = None
        self._cutover: machine.Migration | None = None
        # The edges that clients are moved to.
        self._targets: list[str] = []
        # How many clients each old edge has sent a `reconnect`.
        self._reconnects_sent: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._executing: asyncio.Task[None] | None = None

    def begin(self, request: CutoverRequest) -> None:
        """Begin a cutover; StateError during another migration or if the environment is in use."""
        self._require_no_migration()
        migration = machine.cutover(
            self.environment,
            request.to,
            canaries=request.canaries,
            limits=self._limits,
            now_ns=time.monotonic_ns(),
        )
        # As many edges as start with an environment, or as run now after a scale-out.
        edges = [edge.planned for edge in self._supervisor.group(request.to)]
        default_count = sum(not edge.spare for edge in edges)
        running_count = len(self._edge_stats.running(self.environment))
        self._cutover = migration
        self._start(migration, request, edges[: max(default_count, running_count)])

    def begin_scale_in(self, name: str, request: DrainRequest) -> None:
        """Begin a scale-in; StateError during another migration or for the last running edge."""
        self._require_no_migration()
        edge = self._supervisor[name].planned
        if edge.environment is None:
            raise RequestError(f"{name} is not an edge")
        if not self._edge_stats.running(name):
            raise StateError(f"{name} is not running; its state is {self._supervisor[name].state}")
        running = self._edge_stats.running(edge.environment)
        others = [other for other in running if other is not edge]
        if not others:
            raise StateError(f"{name} is the last running edge of {edge.environment}")
        self.scaling_in = name
        migration = machine.scale_in(name, limits=self._limits, now_ns=time.monotonic_ns())
        self._start(migration, request, others)

    def roll_back(self) -> None:
        """Roll the cutover back; StateError if none is running or it is too late."""
        if self._cutover is None or self._cutover is not self._migration:
            raise StateError("no cutover is running")
        self._cutover.advance(machine.RollbackRequested(), time.monotonic_ns())
        if self._executing is not None:
            self._executing.cancel()

    async def status(self) -> dict[str, Any]:
        """Return the body of `GET /cutover`."""
        cutover = self._cutover
        targets = self._targets or [
            edge.name for edge in self._edge_stats.running(self.environment)
        ]
        observed = dataclasses.asdict(await self._edge_stats.observe(targets))
        connections = observed.pop("connections")
        return {
            "state": cutover.state if cutover else machine.State.IDLE,
            "environment": self.environment,
            "steps": [dataclasses.asdict(step) for step in cutover.steps] if cutover else [],
            "connections": {name: connections[name] for name in ENVIRONMENTS},
            "told": sum(self._reconnects_sent.values()),
            "forced_closes": self._edge_stats.forced_closes(),
            "watched": {"edges": targets, **observed},
            "error": cutover.error if cutover else None,
        }

    async def switch(self, environment: str) -> None:
        """Direct new connections to an environment; CallError if a sessions service fails."""
        for component in self._supervisor.plan.hosting("sessions"):
            body = {"environment": environment}
            await edge_stats.call_internal(
                self._http, component, "environment", method="POST", json=body
            )
        self.environment = environment

    async def close(self) -> None:
        """Stop executing; the migration stays in its state."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _require_no_migration(self) -> None:
        if self._migration is not None and self._migration.state not in machine.FINAL:
            running = f"a scale-in of {self.scaling_in}" if self.scaling_in else "a cutover"
            raise StateError(f"{running} is in progress, in the state {self._migration.state}")

    def _start(
        self, migration: machine.Migration, drain: DrainRequest, targets: list[PlannedComponent]
    ) -> None:
        self._migration = migration
        self._drain_request = drain
        self._targets = [edge.name for edge in targets]
        self._reconnects_sent = {}
        self._edge_stats.reset()
        self._task = asyncio.create_task(self._run(migration), name="migration of clients")

    async def _run(self, migration: machine.Migration) -> None:
        try:
            while (command := migration.command) is not None:
                await self._run_command(migration, command)
        finally:
            self.scaling_in = None
            self._targets = []

    async def _run_command(self, migration: machine.Migration, command: machine.Command) -> None:
        self._executing = asyncio.create_task(self._execute_with_retries(migration, command))
        try:
            await self._executing
            result: machine.Observation = machine.Succeeded()
        except asyncio.CancelledError:
            # Either this task was cancelled, or a rollback cancelled the command only.
            if self._task is None or self._task.cancelling():
                raise
            return
        except (ClusterError, OSError) as error:
            result = machine.Failed(str(error))
        except Exception as error:
            # Otherwise the rollback would not be executed, and every later migration be refused.
            log.exception("the migration failed in the state %s", migration.state)
            result = machine.Failed(repr(error))
        # An observation during the command may already have changed the state.
        if migration.command is command:
            migration.advance(result, time.monotonic_ns())

    async def _execute_with_retries(
        self, migration: machine.Migration, command: machine.Command
    ) -> None:
        """Execute a command; during a rollback retry it, because a failed rollback is final."""
        retry_s = _ROLLBACK_RETRY_S if migration.state is machine.State.ROLLBACK else 0.0
        deadline_s = time.monotonic() + retry_s
        while True:
            try:
                return await self._execute(migration, command)
            except (ClusterError, OSError):
                if time.monotonic() >= deadline_s:
                    raise
            await asyncio.sleep(_RETRY_INTERVAL_S)

    async def _execute(self, migration: machine.Migration, command: machine.Command) -> None:
        """Execute a command, and report to the state machine what is observed meanwhile."""
        match command:
            case machine.StartEdges():
                await self._supervisor.start(self._targets)
            case machine.RunCanaries(new, old):
                await self._run_canaries(old, new)
                observed = await self._edge_stats.observe(self._targets)
                migration.advance(observed, time.monotonic_ns())
            case machine.Switch(environment):
                await self.switch(environment)
            case machine.Drain():
                await self._observe_while(migration, command, self._drain_request.drain_ms / 1000)
            case machine.StopDrain(group):
                await self._stop_drain(group)
            case machine.AwaitEmpty():
                await self._observe_while(migration, command, float("inf"))
            case machine.CloseEdges(group):
                await asyncio.gather(*(edge.stop() for edge in self._supervisor.group(group)))
            case machine.RetireEdges(group):
                for edge in self._supervisor.group(group):
                    edge.retire()
            case _:
                assert_never(command)

    async def _run_canaries(self, old: str, new: str) -> None:
        gateways = self._supervisor.plan.hosting("gateway")
        running = [each for each in gateways if self._supervisor[each.name].state == "up"]
        old_urls, new_urls = (
            [
                self._wiring.websocket_url(edge.client_address)
                for edge in self._edge_stats.running(environment)
            ]
            for environment in (old, new)
        )
        api = self._wiring.api_url((running or gateways)[0].client_address)
        tls = client_context(self._wiring.certificates)
        await canary.verify(api, old_urls, new_urls, tls)

    async def _stop_drain(self, group: str) -> None:
        """Ask every edge to accept clients again; an error if none of them does.

        One edge that accepts clients is enough to continue: the others are asked again while its
        clients return.
        """
        calls = [
            edge_stats.call_internal(self._http, edge, "undrain")
            for edge in self._edge_stats.running(group)
        ]
        if not calls:
            raise StateError(f"no edge of {group} is running")
        answers = await asyncio.gather(*calls, return_exceptions=True)
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        if len(failures) == len(calls):
            raise failures[0]

    async def _observe_while(
        self,
        migration: machine.Migration,
        command: machine.Drain | machine.AwaitEmpty,
        timeout_s: float,
    ) -> None:
        """Report observations until the state machine changes its command, or time is up.

        An edge that started late, or did not answer, has missed the start or the end of the drain.
        So every round asks the edges whose statistics show that they missed it.
        """
        deadline_s = time.monotonic() + timeout_s
        while migration.command is command and time.monotonic() < deadline_s:
            observed = await self._edge_stats.observe(self._targets)
            draining = self._edge_stats.running(command.group)
            for edge in draining:
                if not self._edge_stats.last(edge.name).get("draining"):
                    with contextlib.suppress(edge_stats.CallError):
                        await self._drain(edge)
            for edge in self._edge_stats.running(self.environment):
                if edge not in draining and self._edge_stats.last(edge.name).get("draining"):
                    with contextlib.suppress(edge_stats.CallError):
                        await edge_stats.call_internal(self._http, edge, "undrain")
            migration.advance(observed, time.monotonic_ns())
            await asyncio.sleep(_OBSERVE_INTERVAL_S)

    async def _drain(self, edge: PlannedComponent) -> None:
        """Send an edge's clients to the current environment, or in a scale-in to its neighbours."""
        environment = (edge.environment or "") if self.scaling_in else self.environment
        others = [
            other for other in self._edge_stats.running(environment) if other.name != edge.name
        ]
        params = {
            "url": [
                self._wiring.websocket_url(self._wiring.address(CLIENT, other.name))
                for other in others
            ],
            "drain_ms": self._drain_request.drain_ms,
            "deadline_ms": self._drain_request.drain_ms + _DEADLINE_AFTER_MS,
            "waves": self._drain_request.waves,
            "reason": "scale-in" if self.scaling_in else "cutover",
        }
        answer = await edge_stats.call_internal(self._http, edge, "drain", params=params)
        self._reconnects_sent[edge.name] = self._reconnects_sent.get(edge.name, 0) + answer["told"]
