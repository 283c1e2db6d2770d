"""The command and the configuration line of the server's own processes."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gauntlet.reference_server.cluster.engines import postgres
from gauntlet.reference_server.cluster.supervision.launch_spec import Launch
from gauntlet.reference_server.cluster.topology.plan import CALLS, Component, Plan, resolve
from gauntlet.reference_server.core.config import Config, EdgeAddress, Service, Settings, Urls


@dataclass(frozen=True)
class Wiring:
    """What all configuration lines of one cluster have in common."""

    plan: Plan
    advertise: Mapping[str, str]
    data_dir: Path
    secret: str
    internal_token: str
    settings: Settings
    startup_hooks: Mapping[str, tuple[str, ...]]

    def at(self, source: str, component: str) -> str:
        """The address at which `source` reaches `component`."""
        return resolve(self.plan, self.advertise, source, component)


def websocket_url(address: str) -> str:
    """Where clients connect to an edge at `host:port`."""
    return f"ws://{address}/v1/ws"


def launch(component: Component, wiring: Wiring, log: Path) -> Launch:
    """`python -P` keeps the current folder off the path: it may hold packages of our names."""
    line = msgspec.json.encode(config(component, wiring)) + b"\n"
    return Launch(
        argv=(sys.executable, "-P", "-m", "gauntlet.reference_server.main"), log=log, stdin=line
    )


def config(component: Component, wiring: Wiring) -> Config:
    """The configuration of one process: it reaches others as its role is told to."""
    source = component.role
    return Config(
        name=component.name,
        services=component.services,
        port=component.port,
        environment=component.environment,
        secret=wiring.secret,
        internal_token=wiring.internal_token,
        urls=_urls(source, wiring),
        messages_db=_database("messages", component, wiring),
        users_db=_database("users", component, wiring),
        registry=f"redis://{wiring.at(source, 'registry')}",
        bus=_bus(source, wiring),
        settings=wiring.settings,
        startup_hooks=_hooks(component, wiring.startup_hooks),
    )


def _hooks(
    component: Component, wanted: Mapping[str, tuple[str, ...]]
) -> dict[Service, tuple[str, ...]]:
    """Those of the component's services, also where they are for its environment alone."""
    found = {
        service: (*wanted.get(service, ()), *wanted.get(f"{service}@{component.environment}", ()))
        for service in component.services
    }
    return {service: modules for service, modules in found.items() if modules}


def _urls(source: str, wiring: Wiring) -> Urls:
    def at(service: str, source: str = source) -> tuple[str, ...]:
        hosts = wiring.plan.hosting(service)
        return tuple(f"http://{wiring.at(source, each.name)}" for each in hosts)

    return Urls(
        message=at("message"),
        room=at("room"),
        sessions=at("sessions"),
        friend=at("friend"),
        sticker=at("sticker"),
        api=at("gateway", "client"),
        edges=tuple(
            EdgeAddress(
                each.name,
                each.environment or "",
                websocket_url(wiring.at("client", each.name)),
            )
            for each in wiring.plan.hosting("edge")
        ),
    )


def _database(name: str, component: Component, wiring: Wiring) -> str:
    """The URL for the services that use the database, empty for all others."""
    if not any(f"{name}-db" in CALLS[service] for service in component.services):
        return ""
    if wiring.plan.stack == "embedded":
        return f"sqlite:///{wiring.data_dir / name}.db"
    address = wiring.at(component.role, f"{name}-db")
    return f"postgresql://{postgres.USER}@{address}/{postgres.DATABASE}"


def _bus(source: str, wiring: Wiring) -> str:
    scheme = "redis" if wiring.plan.stack == "embedded" else "amqp"
    return f"{scheme}://{wiring.at(source, 'broker')}"
