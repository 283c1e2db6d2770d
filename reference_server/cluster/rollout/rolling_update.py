"""The rolling update: one process after the other ends gracefully and starts again."""

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

# Held down by somebody, or never started: not ours to start.
_RESTING = ("held", "planned")


class RollingRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /rolling`: roles in their order; all but edges if there are none."""

    roles: tuple[str, ...] = ()


class RollingUpdate:
    """At most one at a time, and the record of the last one.

    Edges are no part of it: their clients move by a cutover. All others hold no connection that
    matters, so their callers only meet a moment of temporary errors, or none with a second one.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._state = "idle"
        self._steps: list[dict[str, Any]] = []
        self._error: str | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self, request: RollingRequest) -> None:
        """Begin; StateError while one runs, ValueError for a role that cannot be updated."""
        if self._state == "running":
            raise StateError("a rolling update is running")
        found: dict[str, list[Component]] = {}
        for each in self._supervisor.components.values():
            if each.planned.engine == PYTHON and each.planned.environment is None:
                found.setdefault(each.planned.role, []).append(each)
        unknown = sorted(set(request.roles) - set(found))
        if unknown:
            raise ValueError(f"roles: found {', '.join(unknown)}; allowed: {', '.join(found)}")
        wanted = [each for role in request.roles or found for each in found[role]]
        self._state, self._steps, self._error = "running", [], None
        self._task = asyncio.create_task(self._update(wanted), name="rolling update")

    def status(self) -> dict[str, Any]:
        """The body of `GET /rolling`."""
        return {"state": self._state, "steps": self._steps, "error": self._error}

    async def close(self) -> None:
        """Stop where it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _update(self, wanted: list[Component]) -> None:
        try:
            for component in wanted:
                if component.state not in _RESTING:
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
