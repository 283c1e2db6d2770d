"""All components together: started in the order of their needs, stopped in reverse."""

import asyncio
from collections.abc import Iterable, Mapping

from gauntlet.reference_server.cluster.supervision.component import Component, Emit
from gauntlet.reference_server.cluster.supervision.launch_spec import Launch
from gauntlet.reference_server.cluster.topology.errors import ClusterError, RequestError
from gauntlet.reference_server.cluster.topology.plan import PYTHON, Plan

BOOT_TIMEOUT_S = 58.0


class Supervisor:
    """The cluster's components by name."""

    def __init__(self, plan: Plan, launches: Mapping[str, Launch], emit: Emit) -> None:
        self.plan = plan
        self.components = {
            each.name: Component(each, launches[each.name], emit) for each in plan.components
        }

    def __getitem__(self, name: str) -> Component:
        """The component of that name; RequestError if there is none."""
        if name not in self.components:
            raise RequestError(f"no component is named {name}")
        return self.components[name]

    def group(self, name: str) -> list[Component]:
        """The edges of the environment of that name; or the one edge of that name."""
        return [
            each
            for each in self.components.values()
            if name in (each.planned.environment, each.planned.name)
        ]

    async def start(self, names: Iterable[str]) -> None:
        """Start these, each as soon as what it needs is up; the first error ends the rest."""
        healthy = {name: asyncio.Event() for name in names}

        async def start_one(name: str) -> None:
            for need in self.plan.needs(self[name].planned):
                if need in healthy:
                    await healthy[need].wait()
            await self[name].start()
            healthy[name].set()

        try:
            async with asyncio.timeout(BOOT_TIMEOUT_S), asyncio.TaskGroup() as tasks:
                for name in healthy:
                    tasks.create_task(start_one(name))
        except TimeoutError:
            late = next(name for name, event in healthy.items() if not event.is_set())
            raise self[late].failure(f"not healthy after {BOOT_TIMEOUT_S:.0f} s") from None
        # Not `except*`: before Python 3.11.4, an error that is raised in its body may leave it
        # wrapped in another group, and the caller would not recognise it.
        except ExceptionGroup as group:
            expected, unexpected = group.split(ClusterError)
            if expected is None or unexpected is not None:
                raise
            raise _first_error(expected) from None

    async def stop(self) -> None:
        """End everything: first who calls, then who is called. Never leaves a process."""
        components = list(self.components.values())
        callers = [each for each in components if each.planned.engine == PYTHON]
        stores = [each for each in components if each.planned.engine != PYTHON]
        for tier in (callers[::-1], stores[::-1]):
            await asyncio.gather(*(each.stop() for each in tier))
        for each in components:
            each.launch.clean_up()


def _first_error(group: ExceptionGroup[ClusterError]) -> ClusterError:
    """Return the first error of a group, whose members may be groups themselves."""
    error: ClusterError | ExceptionGroup[ClusterError] = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
