"""From a request line to components, ports and links. Pure: it starts nothing."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from gauntlet.reference_server.cluster.topology import layouts
from gauntlet.reference_server.cluster.topology.errors import RequestError
from gauntlet.reference_server.core.config import SERVICES, Service

HOST = "127.0.0.1"
ENVIRONMENTS = ("blue", "green")

PYTHON, REDIS, RABBITMQ, POSTGRES = "python", "redis", "rabbitmq", "postgres"
LINK_KINDS = {REDIS: "redis", RABBITMQ: "amqp", POSTGRES: "postgres"}
PORTS = {RABBITMQ: 3}  # also Erlang's epmd and distribution


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """The one line that asks for a cluster."""

    stack: Literal["embedded", "full"]
    data_dir: str
    log_dir: str
    config: dict[str, Any] = {}
    config_file: str | None = None
    # By service, or for one environment's edges alone: `edge@green`.
    startup_hooks: dict[str, tuple[str, ...]] = {}
    layout: str | dict[str, Any] = "default"
    # Instead of the layout's.
    edges: int | None = None
    spare: int | None = None
    gateways: int | None = None

    def __post_init__(self) -> None:
        smallest = {"edges": 1, "spare": 0, "gateways": 1}
        for name, least in smallest.items():
            if (given := getattr(self, name)) is not None and given < least:
                raise ValueError(f"{name} must be {least} or more")
        unknown = set(self.startup_hooks) - {*SERVICES, *(f"edge@{env}" for env in ENVIRONMENTS)}
        if unknown:
            raise ValueError(f"startup_hooks: there is no {', '.join(sorted(unknown))}")


class Component(msgspec.Struct, frozen=True):
    """One supervised process: what it is and where it listens."""

    name: str
    role: str
    engine: str
    # The first is the one that others connect to.
    ports: list[int]
    environment: str | None = None
    services: tuple[Service, ...] = ()
    # Planned, and started only when somebody asks for it.
    spare: bool = False

    @property
    def port(self) -> int:
        """The port that others connect to."""
        return self.ports[0]

    @property
    def address(self) -> str:
        """`host:port` as bound."""
        return f"{HOST}:{self.port}"


class Link(msgspec.Struct, frozen=True):
    """A pair that talks: every process of role `source` connects to `component`."""

    name: str
    source: str
    component: str
    kind: str
    upstream: str


class Plan(msgspec.Struct, frozen=True):
    """All components and links of a cluster."""

    stack: str
    components: list[Component]
    links: list[Link]

    def component(self, name: str) -> Component:
        """The component of that name; RequestError if there is none."""
        for component in self.components:
            if component.name == name:
                return component
        raise RequestError(f"no component is named {name}")

    def hosting(self, service: str) -> list[Component]:
        """The components whose process hosts a service."""
        return [each for each in self.components if service in each.services]

    def needs(self, component: Component) -> list[str]:
        """The stores and brokers that a component connects to."""
        wanted = [link.component for link in self.links if link.source == component.role]
        return [name for name in wanted if self.component(name).engine != PYTHON]

    def as_json(self) -> dict[str, Any]:
        """The content of the `plan` line."""
        shown = ("name", "role", "environment")
        return {
            "components": [{key: getattr(each, key) for key in shown} for each in self.components],
            "links": msgspec.to_builtins(self.links),
        }


STORES: dict[str, dict[str, str]] = {
    "embedded": {"registry": REDIS, "broker": REDIS},
    "full": {"messages-db": POSTGRES, "users-db": POSTGRES, "registry": REDIS, "broker": RABBITMQ},
}

# Who talks to whom: a service (or `client`) to services and stores.
CALLS: dict[str, tuple[str, ...]] = {
    "client": ("gateway", "edge"),
    "gateway": ("message", "room", "sessions", "friend", "sticker"),
    "message": ("messages-db", "registry", "broker", "friend", "sticker"),
    "room": ("registry", "message"),
    "sessions": ("users-db", "registry"),
    "friend": ("users-db",),
    "sticker": ("users-db",),
    "edge": ("registry", "broker", "message", "room"),
}


def make_plan(request: Request, allocate_port: Callable[[], int]) -> Plan:
    """Everything that the request asks for, every port chosen."""
    stores = [
        Component(role, role, engine, [allocate_port() for _ in range(PORTS.get(engine, 1))])
        for role, engine in STORES[request.stack].items()
    ]
    layout = _layout(request)
    processes = [
        Component(f"{role}-{number}", role, PYTHON, [allocate_port()], None, process.services)
        for role, process in layout.processes.items()
        for number in range(1, process.count + 1)
    ]
    edges = [
        Component(
            f"edge-{environment}-{number}",
            "edge",
            PYTHON,
            [allocate_port()],
            environment,
            ("edge",),
            spare=number > layout.edges,
        )
        for environment in ENVIRONMENTS
        for number in range(1, layout.edges + layout.spare + 1)
    ]
    components = [*stores, *processes, *edges]
    return Plan(request.stack, components, _links(components))


def resolve(plan: Plan, advertise: Mapping[str, str], source: str, component: str) -> str:
    """The `host:port` at which processes of role `source` reach a component."""
    return advertise.get(f"{source}>{component}") or plan.component(component).address


def check_advertise(plan: Plan, advertise: Mapping[str, str]) -> None:
    """RequestError unless every advertised link was planned."""
    unknown = sorted(set(advertise) - {link.name for link in plan.links})
    if unknown:
        raise RequestError(f"no such link: {', '.join(unknown)}")


def _layout(request: Request) -> layouts.Layout:
    """The layout wanted, with the counts that the request gives beside it; RequestError."""
    layout = layouts.choose(request.stack, request.layout)
    processes = layout.processes
    if request.gateways is not None:
        processes = {
            role: replace(process, count=request.gateways)
            if "gateway" in process.services
            else process
            for role, process in processes.items()
        }
    counts = {name: getattr(request, name) for name in ("edges", "spare")}
    given = {name: count for name, count in counts.items() if count is not None}
    layout = replace(layout, processes=processes, **given)
    layouts.check(request.stack, layout)
    return layout


def _links(components: list[Component]) -> list[Link]:
    found: dict[str, Link] = {}
    for service, targets in CALLS.items():
        sources = {each.role for each in components if service in each.services} or {service}
        for source in sorted(sources):
            for target in components:
                # A service beside its caller is called in the process, over no link.
                if target.role != source and _is_any(target, targets):
                    name = f"{source}>{target.name}"
                    found[name] = Link(name, source, target.name, _kind(target), target.address)
    return list(found.values())


def _is_any(component: Component, targets: tuple[str, ...]) -> bool:
    return any(target in (component.role, *component.services) for target in targets)


def _kind(component: Component) -> str:
    if component.engine != PYTHON:
        return LINK_KINDS[component.engine]
    return "ws" if component.role == "edge" else "http"
