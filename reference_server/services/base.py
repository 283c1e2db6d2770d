"""What every HTTP service is given, and what it offers to the process that hosts it."""

from dataclasses import dataclass
from typing import Protocol

from reference_server.asgi import Router
from reference_server.calls import Calls
from reference_server.config import Config
from reference_server.metrics import Metrics


@dataclass(frozen=True)
class Context:
    """The surroundings of a service."""

    config: Config
    metrics: Metrics
    calls: Calls


class Service(Protocol):
    """Made from a `Context`; its routes are called by the gateway and by other services only."""

    router: Router

    async def start(self) -> None:
        """Begin background work; called once, on the running loop."""
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of everything."""
        ...
