"""What faults act through: the control API, the proxied links, the journal, the live metrics."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from gauntlet.chaos.clients.cluster_control import Component, ControlClient
from gauntlet.chaos.clients.toxiproxy import ProxyClient
from gauntlet.chaos.clocks.clock_file import ClockFile
from gauntlet.chaos.disks.disk import Disk
from gauntlet.chaos.faults.targets import (
    PlannedLink,
    StackPlan,
    links_of,
    resolve_components,
    resolve_links,
)
from gauntlet.core.errors import StackError
from gauntlet.core.scenario.model import Fault

LiveMetrics = Callable[[], Mapping[str, Any] | None]


class ProxiedLink(NamedTuple):
    """A link that goes through a proxy: the proxy server, its name there, its protocol, address.

    The names of our toxics begin with `prefix`; it is not empty on a server that we did not start.
    """

    client: ProxyClient
    proxy: str
    kind: str
    listen: str
    prefix: str = ""


class JournalWriter(Protocol):
    """The part of `gauntlet.core.run_directory.Journal` that faults use."""

    def write(self, kind: str, *, t_ns: int | None = None, **fields: Any) -> None:
        """Append one row; it is on disk when the call returns."""


@dataclass(frozen=True)
class Context:
    """Shared by the threads of all active faults."""

    plan: StackPlan
    proxies: Mapping[str, ProxiedLink]
    control: ControlClient | None
    journal: JournalWriter
    # Returns the newest row of live metrics, None before the first.
    live: LiveMetrics = lambda: None
    # The folder with `<component>.log` of each process, if the stack writes one.
    logs: Path | None = None
    # (from_s, to_s): the arrival rate between two moments of the timeline, without a surge.
    usual_per_s: Callable[[float, float], float] = lambda *_: 0.0
    # The environment of the commands of a scenario.
    environment: Mapping[str, str] = field(default_factory=dict)
    # The seed of the scenario, for faults that draw their victims.
    seed: int = 1
    # The disks of their own that components have, by component; `no_disks` is the reason why this
    # machine has none, although the scenario needs them. The same for wall clocks.
    disks: Mapping[str, Disk] = field(default_factory=dict)
    no_disks: str = ""
    clocks: Mapping[str, ClockFile] = field(default_factory=dict)
    no_clocks: str = ""
    # The path of the certificate that clients of the stack trust; empty without TLS.
    ca: str = ""
    # The components that are up and accept no connection, each as (fault, component).
    refusing: set[tuple[str, str]] = field(default_factory=set)
    # Set when the run must end.
    stop: threading.Event = field(default_factory=threading.Event)
    _journal_lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, kind: str, *, t_ns: int | None = None, **fields: Any) -> None:
        """Write one row of the chaos journal, from any thread."""
        with self._journal_lock:
            self.journal.write(kind, t_ns=t_ns, **fields)

    def require_control(self) -> ControlClient:
        """Return the control API; raises StackError if the system under test has none."""
        if self.control is None:
            raise StackError(
                "this stack has no control API, so faults cannot act on its processes; use faults "
                "on links, or a stack that has one"
            )
        return self.control

    def links(self, target: str) -> dict[str, ProxiedLink]:
        """Return the proxied links of a target; raises StackError if one of them is direct."""
        return self._proxied(resolve_links(target, self.plan))

    def links_of(self, fault: Fault) -> dict[str, ProxiedLink]:
        """Return the proxied links of a fault; raises StackError if one of them is direct."""
        return self._proxied(links_of(fault, self.plan))

    def _proxied(self, links: list[PlannedLink]) -> dict[str, ProxiedLink]:
        names = [link.name for link in links]
        direct = [name for name in names if name not in self.proxies]
        if direct:
            raise StackError(f"these links do not go through a proxy: {', '.join(direct)}")
        return {name: self.proxies[name] for name in names}

    def running(self, target: str) -> dict[str, Component]:
        """Return the components of a target that are up now, by name."""
        names = resolve_components(target, self.plan)
        components = self.require_control().components()
        return {
            name: components[name]
            for name in names
            if name in components and components[name].state == "up"
        }

    def is_up(self, link: str) -> bool:
        """Whether the component that a link leads to is up; assumed without a control API."""
        if self.control is None:
            return True
        component = self.control.components().get(self._component_of(link))
        return component is not None and component.state == "up"

    def refuses(self, link: str, fault: str) -> bool:
        """Whether another fault keeps the component of a link from accepting connections."""
        refusing = tuple(self.refusing)  # other threads add and remove
        return any(
            by != fault and component == self._component_of(link) for by, component in refusing
        )

    def _component_of(self, link: str) -> str:
        return next(planned.component for planned in self.plan.links if planned.name == link)
