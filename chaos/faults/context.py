"""What a fault acts through: the control API, the proxied links, the journal, the live figures."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from gauntlet.chaos.clients.cluster_control import Component, ControlClient
from gauntlet.chaos.clients.toxiproxy import ProxyClient
from gauntlet.chaos.faults.targets import StackPlan, resolve_components, resolve_links
from gauntlet.core.errors import StackError

Live = Callable[[], Mapping[str, Any] | None]


class ProxiedLink(NamedTuple):
    """A link that goes through a proxy: the server that holds it, its name there, its address."""

    client: ProxyClient
    proxy: str
    kind: str
    listen: str


class Writer(Protocol):
    """The part of `gauntlet.core.run_directory.Journal` that is used here."""

    def write(self, kind: str, *, t_ns: int | None = None, **fields: Any) -> None:
        """Append one row; it is on disk on return."""


@dataclass(frozen=True)
class Context:
    """Shared by the threads of all active faults. `stop` is set when the run must end.

    `logs` holds `<component>.log` of each process, where the system under test is ours.
    `usual_per_s` is what the load usually sends between two moments of the timeline, in seconds.
    """

    plan: StackPlan
    proxies: Mapping[str, ProxiedLink]
    control: ControlClient | None
    journal: Writer
    live: Live = lambda: None
    logs: Path | None = None
    usual_per_s: Callable[[float, float], float] = lambda *_: 0.0
    stop: threading.Event = field(default_factory=threading.Event)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def record(self, kind: str, *, t_ns: int | None = None, **fields: Any) -> None:
        """Write one row of the chaos journal, from any thread."""
        with self._writing:
            self.journal.write(kind, t_ns=t_ns, **fields)

    def require_control(self) -> ControlClient:
        """The control API; StackError where the system under test has none."""
        if self.control is None:
            raise StackError("this stack has no control API, so its processes cannot be acted on")
        return self.control

    def links(self, target: str) -> dict[str, ProxiedLink]:
        """The proxied links of a target; StackError if one of them goes through no proxy."""
        names = [link.name for link in resolve_links(target, self.plan)]
        direct = [name for name in names if name not in self.proxies]
        if direct:
            raise StackError(f"not behind a proxy: {', '.join(direct)}")
        return {name: self.proxies[name] for name in names}

    def running(self, target: str) -> dict[str, Component]:
        """The target's components that are up now, by name."""
        names = resolve_components(target, self.plan)
        found = self.require_control().components()
        return {name: found[name] for name in names if name in found and found[name].state == "up"}

    def is_up(self, link: str) -> bool:
        """Whether the component behind a link is up; assumed where nobody can tell."""
        if self.control is None:
            return True
        behind = next(its.component for its in self.plan.links if its.name == link)
        component = self.control.components().get(behind)
        return component is not None and component.state == "up"
