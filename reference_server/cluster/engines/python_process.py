"""The command and the configuration line of the server's own Python processes."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from gauntlet.builds import SERVER, Build
from gauntlet.reference_server.cluster.engines import postgres, rabbitmq
from gauntlet.reference_server.cluster.supervision.launch_spec import LaunchSpec
from gauntlet.reference_server.cluster.topology.plan import (
    CALLS,
    CLIENT,
    Plan,
    PlannedComponent,
    resolve,
)
from gauntlet.reference_server.core.config import (
    ClientTls,
    Config,
    EdgeAddress,
    Service,
    Settings,
    Urls,
)
from gauntlet.reference_server.core.tls import Certificates
from gauntlet.reference_server.main import HOOKED


@dataclass(frozen=True)
class Wiring:
    """The values that all configuration lines of one cluster share.

    With `certificates`, clients use TLS. `disks` are the data folders of components whose data is
    not in `data_dir`; each has the name of its component. `environment` has further environment
    variables by component.
    """

    plan: Plan
    advertise: Mapping[str, str]
    data_dir: Path
    secret: str
    internal_token: str
    store_password: str
    settings: Settings
    startup_hooks: Mapping[str, tuple[str, ...]]
    certificates: Certificates | None = None
    trail_dir: str = ""
    disks: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def data_dir_of(self, component: PlannedComponent) -> Path:
        """Return the folder that contains the data folder of a store."""
        disk = self.disks.get(component.name)
        return self.data_dir if disk is None else Path(disk).parent

    def address(self, source: str, component: str) -> str:
        """Return the address at which processes of role `source` reach `component`."""
        return resolve(self.plan, self.advertise, source, component)

    def api_url(self, address: str) -> str:
        """Return the URL for clients of a gateway at `host:port`."""
        return f"{'http' if self.certificates is None else 'https'}://{address}"

    def websocket_url(self, address: str) -> str:
        """Return the URL for clients of the WebSocket of an edge at `host:port`."""
        return f"{'ws' if self.certificates is None else 'wss'}://{address}/v1/ws"


def launch_spec(component: PlannedComponent, wiring: Wiring, log: Path) -> LaunchSpec:
    """Return the command of one process; `-P` keeps the working directory off its import path."""
    line = msgspec.json.encode(config(component, wiring)) + b"\n"
    return LaunchSpec(
        argv=(sys.executable, "-P", "-m", "gauntlet.reference_server.main"), log=log, stdin=line
    )


def builds(wiring: Wiring) -> dict[str, str]:
    """Return the build of the server's modules that each of these processes runs, by component."""
    return {
        component.name: str(
            Build("pure", HOOKED)
            if _hooks(component, wiring.startup_hooks) and SERVER.current().kind == "compiled"
            else SERVER.current()
        )
        for component in wiring.plan.components
        if component.services
    }


def config(component: PlannedComponent, wiring: Wiring) -> Config:
    """Return the configuration of one process, with the addresses that its role must use."""
    source = component.role
    return Config(
        name=component.name,
        services=component.services,
        port=component.port,
        tls=_client_tls(component, wiring.certificates),
        environment=component.environment,
        secret=wiring.secret,
        internal_token=wiring.internal_token,
        urls=_urls(source, wiring),
        messages_db=database("messages", component, wiring),
        users_db=database("users", component, wiring),
        registry=_registry(source, wiring),
        bus=_bus(source, wiring),
        settings=wiring.settings,
        startup_hooks=_hooks(component, wiring.startup_hooks),
        trail_dir=wiring.trail_dir,
    )


def _hooks(
    component: PlannedComponent, startup_hooks: Mapping[str, tuple[str, ...]]
) -> dict[Service, tuple[str, ...]]:
    """Return the modules for the component's services, including those of its environment only."""
    hooks = {
        service: (
            *startup_hooks.get(service, ()),
            *startup_hooks.get(f"{service}@{component.environment}", ()),
        )
        for service in component.services
    }
    return {service: modules for service, modules in hooks.items() if modules}


def _client_tls(component: PlannedComponent, certificates: Certificates | None) -> ClientTls | None:
    if certificates is None or component.client_port is None:
        return None
    return ClientTls(component.client_port, str(certificates.certificate), str(certificates.key))


def _urls(source: str, wiring: Wiring) -> Urls:
    def urls_of(service: str) -> tuple[str, ...]:
        hosts = wiring.plan.hosting(service)
        return tuple(f"http://{wiring.address(source, host.name)}" for host in hosts)

    def client_address(component: PlannedComponent) -> str:
        return wiring.address(CLIENT, component.name)

    return Urls(
        message=urls_of("message"),
        room=urls_of("room"),
        sessions=urls_of("sessions"),
        friend=urls_of("friend"),
        sticker=urls_of("sticker"),
        api=tuple(wiring.api_url(client_address(each)) for each in wiring.plan.hosting("gateway")),
        edges=tuple(
            EdgeAddress(
                edge.name,
                edge.environment or "",
                wiring.websocket_url(client_address(edge)),
            )
            for edge in wiring.plan.hosting("edge")
        ),
    )


def database(name: str, component: PlannedComponent, wiring: Wiring) -> str:
    """Return the URL for a process whose services use the database, "" for all others."""
    if not any(f"{name}-db" in CALLS[service] for service in component.services):
        return ""
    if wiring.plan.stack == "embedded":
        folder = Path(wiring.disks.get(component.name, wiring.data_dir))
        return f"sqlite:///{folder / name}.db"
    names = wiring.plan.with_standby(f"{name}-db")
    hosts = ",".join(wiring.address(component.role, each) for each in names)
    # Of a server and its standby, a client takes the one that accepts writes.
    options = "?target_session_attrs=read-write" if len(names) > 1 else ""
    user = f"{postgres.USER}:{wiring.store_password}"
    return f"postgresql://{user}@{hosts}/{postgres.DATABASE}{options}"


def _registry(source: str, wiring: Wiring) -> str:
    """Return the URL of the registry, and after a comma that of its replica, if it has one."""
    names = wiring.plan.with_standby("registry")
    return ",".join(
        f"redis://:{wiring.store_password}@{wiring.address(source, each)}" for each in names
    )


def _bus(source: str, wiring: Wiring) -> str:
    scheme, user = ("redis", "") if wiring.plan.stack == "embedded" else ("amqp", rabbitmq.USER)
    return f"{scheme}://{user}:{wiring.store_password}@{wiring.address(source, 'broker')}"
