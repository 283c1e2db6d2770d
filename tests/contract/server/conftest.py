"""Registries and brokers as single processes, started as the cluster starts them."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from gauntlet.reference_server.cluster.engines import rabbitmq, redis_server
from gauntlet.reference_server.cluster.supervision.component import Component
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.cluster.topology.ports import PortAllocator

ENGINES = {"redis": redis_server.launch_spec, "rabbitmq": rabbitmq.launch_spec}
PASSWORD = "for-tests"
URLS = {"redis": f"redis://:{PASSWORD}@", "rabbitmq": f"amqp://{rabbitmq.USER}:{PASSWORD}@"}
PATIENCE_S = 30.0


class Service:
    """One running server and its URL; `component` kills, pauses and starts it."""

    def __init__(self, engine: str, component: Component) -> None:
        self.component = component
        self.url = f"{URLS[engine]}{component.planned.address}"


@pytest.fixture(scope="session")
def make_service(require_service, tmp_path_factory) -> Callable[[str], Service]:
    """`make_service("redis")` returns a stopped server; skips if it is not installed."""
    free_port = PortAllocator()

    def make(engine: str, **environment: str) -> Service:
        require_service(engine)
        folder = tmp_path_factory.mktemp(engine)
        ports = [free_port() for _ in range(plan.PORT_COUNTS.get(engine, 1))]
        planned = plan.PlannedComponent(engine, engine, engine, ports)
        launch = ENGINES[engine](planned, folder, folder / f"{engine}.log", PASSWORD)
        launch = replace(launch, env={**launch.env, **environment})
        return Service(engine, Component(planned, launch, lambda *_: None))

    return make


@pytest.fixture(scope="session")
def eventually() -> Callable:
    """Waits until a condition is true; fails after a long time."""

    async def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, "the condition did not become true in time"
            await asyncio.sleep(0.01)

    return wait
