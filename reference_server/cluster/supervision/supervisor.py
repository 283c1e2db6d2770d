"""Starts all components in the order of their dependencies, and stops them in reverse."""

import asyncio
from collections.abc import Iterable, Mapping

from gauntlet.reference_server.cluster.supervision.component import Component, EmitEvent
from gauntlet.reference_server.cluster.supervision.launch_spec import LaunchSpec
from gauntlet.reference_server.cluster.topology.errors import ClusterError, RequestError
from gauntlet.reference_server.cluster.topology.plan import PYTHON, Plan

START_TIMEOUT_S = 58.0


class Supervisor:
    """The cluster's components by name."""

    def __init__(self, plan: Plan, launches: Mapping[str, LaunchSpec], emit: EmitEvent) -> None:
        self.plan = plan
        self.components = {
            planned.name: Component(planned, launches[planned.name], emit)
            for planned in plan.components
        }

    def __getitem__(self, name: str) -> Component:
        """Return the component of that name; RequestError if there is none."""
        if name not in self.components:
            raise RequestError(f"no component is named {name}")
        return self.components[name]

    def group(self, name: str) -> list[Component]:
        """Return the edges of the environment of that name, or the single edge of that name."""
        return [
            component
            for component in self.components.values()
            if name in (component.planned.environment, component.planned.name)
        ]

    async def start(self, names: Iterable[str]) -> None:
        """Start components, each as soon as the stores that it uses are healthy.

        The first StartError or StateError ends the start of all others.
        """
        healthy = {name: asyncio.Event() for name in names}

        async def start_one(name: str) -> None:
            for store in self.plan.stores_of(self[name].planned):
                if store in healthy:
                    await healthy[store].wait()
            await self[name].start()
            healthy[name].set()

        try:
            async with asyncio.timeout(START_TIMEOUT_S), asyncio.TaskGroup() as tasks:
                for name in healthy:
                    tasks.create_task(start_one(name))
        except TimeoutError:
            late = next(name for name, event in healthy.items() if not event.is_set())
            raise self[late].start_error(f"not healthy after {START_TIMEOUT_S:.0f} s") from None
        # Not `except*`: before Python 3.11.4, an error that is raised in its body may leave it
        # wrapped in another group, and the caller would not recognise it.
        except ExceptionGroup as group:
            expected, unexpected = group.split(ClusterError)
            if expected is None or unexpected is not None:
                raise
            raise _first_error(expected) from None

    async def stop(self) -> None:
        """Stop everything, callers before the stores they call; no process is left."""
        components = list(self.components.values())
        callers = [each for each in components if each.planned.engine == PYTHON]
        stores = [each for each in components if each.planned.engine != PYTHON]
        for tier in (callers[::-1], stores[::-1]):
            await asyncio.gather(*(component.stop() for component in tier))
        for component in components:
            component.launch.clean_up()


def _first_error(group: ExceptionGroup[ClusterError]) -> ClusterError:
    """Return the first error of a group, whose members may be groups themselves."""
    error: ClusterError | ExceptionGroup[ClusterError] = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
