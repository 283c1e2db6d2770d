"""Turns a request line into components, ports and links. It starts nothing."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from gauntlet.reference_server.cluster.topology import layouts
from gauntlet.reference_server.cluster.topology.errors import RequestError
from gauntlet.reference_server.core.config import SERVICES, Service

HOST = "127.0.0.1"
ENVIRONMENTS = ("blue", "green")
CLIENT = "client"  # the source of the links of clients

PYTHON, REDIS, RABBITMQ, POSTGRES = "python", "redis", "rabbitmq", "postgres"
LINK_KINDS = {REDIS: "redis", RABBITMQ: "amqp", POSTGRES: "postgres"}
PORT_COUNTS = {
    RABBITMQ: 3
}  # its own port, Erlang's epmd and Erlang's distribution; others have one


class ClusterRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The line on standard input that requests a cluster; see `docs/reference/control-api.md`."""

    stack: Literal["embedded", "full"]
    data_dir: str
    log_dir: str
    config: dict[str, Any] = {}
    config_file: str | None = None
    # Where processes write at their end what they remember of messages; none do without it.
    trail_dir: str = ""
    # Modules by service; `edge@green` selects the edges of one environment.
    startup_hooks: dict[str, tuple[str, ...]] = {}
    layout: str | dict[str, Any] = "default"
    # Stores that get a standby, which can be promoted in their place.
    standbys: tuple[str, ...] = ()
    # Each of these replaces the count of the layout.
    edges: int | None = None
    spare: int | None = None
    gateways: int | None = None

    def __post_init__(self) -> None:
        minimums = {"edges": 1, "spare": 0, "gateways": 1}
        for name, minimum in minimums.items():
            if (count := getattr(self, name)) is not None and count < minimum:
                raise ValueError(f"{name} must be {minimum} or more; got {count}")
        unknown = set(self.startup_hooks) - {*SERVICES, *(f"edge@{env}" for env in ENVIRONMENTS)}
        if unknown:
            raise ValueError(f"startup_hooks: unknown service: {', '.join(sorted(unknown))}")
        able = STORES[self.stack].keys() - {"broker"}  # which loses nothing that is not elsewhere
        if unable := sorted(set(self.standbys) - able):
            raise ValueError(f"standbys: these stores cannot have one: {', '.join(unable)}")


class PlannedComponent(msgspec.Struct, frozen=True):
    """One supervised process: its role, its engine and its ports.

    `client_port` is where clients connect, if that is not where other components connect.
    """

    name: str
    role: str
    engine: str
    # Other components connect to the first one.
    ports: list[int]
    environment: str | None = None
    services: tuple[Service, ...] = ()
    # Not started with the cluster, but only through the control API.
    spare: bool = False
    client_port: int | None = None
    # The store of which this one is the standby.
    standby_of: str | None = None

    @property
    def port(self) -> int:
        """The port that other components connect to."""
        return self.ports[0]

    @property
    def address(self) -> str:
        """The `host:port` that other components connect to."""
        return f"{HOST}:{self.port}"

    @property
    def client_address(self) -> str:
        """The `host:port` that clients connect to."""
        return f"{HOST}:{self.client_port or self.port}"


class PlannedLink(msgspec.Struct, frozen=True):
    """A connection in the plan: every process of role `source` connects to `component`."""

    name: str
    source: str
    component: str
    kind: str
    upstream: str


class Plan(msgspec.Struct, frozen=True):
    """All components and links of a cluster."""

    stack: str
    components: list[PlannedComponent]
    links: list[PlannedLink]

    def component(self, name: str) -> PlannedComponent:
        """Return the component of that name; RequestError if there is none."""
        for component in self.components:
            if component.name == name:
                return component
        raise RequestError(f"no component is named {name}")

    def hosting(self, service: str) -> list[PlannedComponent]:
        """Return the components whose process hosts a service."""
        return [each for each in self.components if service in each.services]

    def has_data(self, component: PlannedComponent) -> bool:
        """Return whether a component, and no other one, keeps data in a folder that must last.

        On `embedded` these are the processes that have a database to themselves.
        """
        if self.stack != "embedded":
            return component.engine == POSTGRES
        users = {name: self._processes_on(name) for name in DATABASES}
        used = [name for name, names in users.items() if component.name in names]
        return bool(used) and all(len(users[name]) == 1 for name in used)

    def _processes_on(self, database: str) -> list[str]:
        return [
            each.name
            for each in self.components
            if any(database in CALLS[service] for service in each.services)
        ]

    def with_standby(self, store: str) -> list[str]:
        """Return a store and its standby, if it has one."""
        return [store, *(each.name for each in self.components if each.standby_of == store)]

    def stores_of(self, component: PlannedComponent) -> list[str]:
        """Return the names of the stores and brokers that a component connects to."""
        targets = [link.component for link in self.links if link.source == component.role]
        return [name for name in targets if self.component(name).engine != PYTHON]

    def as_json(self) -> dict[str, Any]:
        """Return the content of the `plan` line."""
        keys = ("name", "role", "environment")
        return {
            "components": [
                {**{key: getattr(each, key) for key in keys}, "disk": self.has_data(each)}
                for each in self.components
            ],
            "links": msgspec.to_builtins(self.links),
        }


STORES: dict[str, dict[str, str]] = {
    "embedded": {"registry": REDIS, "broker": REDIS},
    "full": {"messages-db": POSTGRES, "users-db": POSTGRES, "registry": REDIS, "broker": RABBITMQ},
}

DATABASES = ("messages-db", "users-db")

# The services and stores that a service (or `client`) connects to.
CALLS: dict[str, tuple[str, ...]] = {
    CLIENT: ("gateway", "edge"),
    "gateway": ("message", "room", "sessions", "friend", "sticker"),
    "message": ("messages-db", "registry", "broker", "friend", "sticker"),
    "room": ("registry", "message"),
    "sessions": ("users-db", "registry"),
    "friend": ("users-db",),
    "sticker": ("users-db",),
    "edge": ("registry", "broker", "message", "room"),
}


def make_plan(
    request: ClusterRequest, allocate_port: Callable[[], int], *, tls: bool = False
) -> Plan:
    """Return the plan for a request, with every port chosen; RequestError for a bad layout.

    With `tls`, gateways and edges have a second port, on which they speak TLS with clients.
    """
    layout = _requested_layout(request)
    components = [
        *_plan_stores(request, allocate_port),
        *_plan_processes(layout, allocate_port, tls=tls),
        *_plan_edges(layout, allocate_port, tls=tls),
    ]
    return Plan(request.stack, components, _links(components))


def _plan_stores(
    request: ClusterRequest, allocate_port: Callable[[], int]
) -> list[PlannedComponent]:
    """Return the stores of the stack, and behind them the standbys that were requested."""
    stores = [
        PlannedComponent(
            role, role, engine, [allocate_port() for _ in range(PORT_COUNTS.get(engine, 1))]
        )
        for role, engine in STORES[request.stack].items()
    ]
    standbys = [
        PlannedComponent(name, name, store.engine, [allocate_port()], standby_of=store.name)
        for store in stores
        if store.name in request.standbys
        for name in (f"{store.name}-standby",)
    ]
    return stores + standbys


def _plan_processes(
    layout: layouts.Layout, allocate_port: Callable[[], int], *, tls: bool
) -> list[PlannedComponent]:
    """Return the gateways and services; only clients of gateways use TLS."""
    return [
        PlannedComponent(
            f"{role}-{number}",
            role,
            PYTHON,
            [allocate_port()],
            None,
            process.services,
            client_port=allocate_port() if tls and "gateway" in process.services else None,
        )
        for role, process in layout.processes.items()
        for number in range(1, process.count + 1)
    ]


def _plan_edges(
    layout: layouts.Layout, allocate_port: Callable[[], int], *, tls: bool
) -> list[PlannedComponent]:
    """Return the edges of both environments; the last ones of each are spare."""
    return [
        PlannedComponent(
            f"edge-{environment}-{number}",
            "edge",
            PYTHON,
            [allocate_port()],
            environment,
            ("edge",),
            spare=number > layout.edges,
            client_port=allocate_port() if tls else None,
        )
        for environment in ENVIRONMENTS
        for number in range(1, layout.edges + layout.spare + 1)
    ]


def resolve(plan: Plan, advertise: Mapping[str, str], source: str, component: str) -> str:
    """Return the `host:port` at which processes of role `source` reach a component."""
    planned = plan.component(component)
    direct = planned.client_address if source == CLIENT else planned.address
    return advertise.get(f"{source}>{component}") or direct


class Advertisement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The second line on standard input, which starts the planned cluster.

    `advertise` are the addresses of links that are not direct, `disks` the data folders of
    components that keep their data elsewhere, and `environment` further environment variables of
    components.
    """

    advertise: dict[str, str]
    disks: dict[str, str] = {}
    environment: dict[str, dict[str, str]] = {}

    def check(self, plan: Plan) -> None:
        """Raise RequestError unless it fits the plan."""
        unknown = sorted(self.advertise.keys() - {link.name for link in plan.links})
        if unknown:
            raise RequestError(f"advertise: the plan has no link {', '.join(unknown)}")
        without = sorted(name for name in self.disks if not plan.has_data(plan.component(name)))
        if without:
            raise RequestError(f"disks: these components keep no data: {', '.join(without)}")
        for name in self.environment:
            plan.component(name)


def _requested_layout(request: ClusterRequest) -> layouts.Layout:
    """Return the requested layout with the counts that replace its own; RequestError."""
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
    overrides = {name: count for name, count in counts.items() if count is not None}
    layout = replace(layout, processes=processes, **overrides)
    layouts.check(request.stack, layout)
    return layout


def _links(components: list[PlannedComponent]) -> list[PlannedLink]:
    links: dict[str, PlannedLink] = {}
    for service, targets in CALLS.items():
        sources = {each.role for each in components if service in each.services} or {service}
        for source in sorted(sources):
            for target in components:
                # A service in the same process as its caller is called directly, without a link.
                if target.role != source and _is_target(target, targets):
                    name = f"{source}>{target.name}"
                    links[name] = _link(name, source, target)
    for primary in components:
        for standby in components:
            if standby.standby_of == primary.name:
                name = f"{standby.role}>{primary.name}"
                links[name] = _link(name, standby.role, primary)
    return list(links.values())


def _is_target(component: PlannedComponent, targets: tuple[str, ...]) -> bool:
    names = (component.role, component.standby_of, *component.services)
    return any(target in names for target in targets)


def _link(name: str, source: str, target: PlannedComponent) -> PlannedLink:
    if target.engine != PYTHON:
        return PlannedLink(name, source, target.name, LINK_KINDS[target.engine], target.address)
    kind = "ws" if target.role == "edge" else "http"
    if source == CLIENT:
        kind = f"{kind}s" if target.client_port else kind
        return PlannedLink(name, source, target.name, kind, target.client_address)
    return PlannedLink(name, source, target.name, kind, target.address)
