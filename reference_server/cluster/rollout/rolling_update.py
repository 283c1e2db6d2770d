"""The rolling update: one process after the other shuts down gracefully and starts again."""

import asyncio
import logging
import time
from typing import Any

import msgspec

from gauntlet.reference_server.cluster.supervision.component import Component
from gauntlet.reference_server.cluster.supervision.supervisor import Supervisor
from gauntlet.reference_server.cluster.topology.errors import ClusterError, StateError
from gauntlet.reference_server.cluster.topology.plan import PYTHON

log = logging.getLogger(__name__)

# Held down by a request, or never started: a rolling update does not start these.
_SKIPPED_STATES = ("held", "planned")


class RollingRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /rolling`: the roles, in order; none means all roles except edges."""

    roles: tuple[str, ...] = ()


class RollingUpdate:
    """At most one rolling update at a time, and the record of the last one.

    Edges are not included: their clients are moved by a cutover. The other processes hold no client
    connections, so their callers see only temporary errors, or none if a role has two processes.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._state = "idle"
        self._steps: list[dict[str, Any]] = []
        self._error: str | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self, request: RollingRequest) -> None:
        """Begin an update; StateError while one is running, ValueError for an unknown role."""
        if self._state == "running":
            raise StateError("a rolling update is running already")
        by_role: dict[str, list[Component]] = {}
        for component in self._supervisor.components.values():
            if component.planned.engine == PYTHON and component.planned.environment is None:
                by_role.setdefault(component.planned.role, []).append(component)
        unknown = sorted(set(request.roles) - set(by_role))
        if unknown:
            raise ValueError(f"roles: found {', '.join(unknown)}; allowed: {', '.join(by_role)}")
        selected = [component for role in request.roles or by_role for component in by_role[role]]
        self._state, self._steps, self._error = "running", [], None
        self._task = asyncio.create_task(self._update(selected), name="rolling update")

    def status(self) -> dict[str, Any]:
        """Return the body of `GET /rolling`."""
        return {"state": self._state, "steps": self._steps, "error": self._error}

    async def close(self) -> None:
        """Stop the update where it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _update(self, components: list[Component]) -> None:
        try:
            for component in components:
                if component.state not in _SKIPPED_STATES:
                    self._note(component, "stopping")
                    await component.stop()
                    await component.start()
                    self._note(component, "up")
        except Exception as error:
            if not isinstance(error, ClusterError):
                log.exception("the rolling update failed at %s", component.planned.name)
            self._state, self._error = "failed", f"{component.planned.name}: {error}"
        else:
            self._state = "done"

    def _note(self, component: Component, state: str) -> None:
        now_ns = time.monotonic_ns()
        self._steps.append({"component": component.planned.name, "state": state, "t_ns": now_ns})
