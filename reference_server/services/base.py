"""What every HTTP service receives, and what it offers to the process that hosts it."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from gauntlet.reference_server.core.config import Config
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.core.trail import Trail
from gauntlet.reference_server.http.router import Router
from gauntlet.reference_server.http.service_client import ServiceClient

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PINGS_PER_LEASE = 3


@dataclass(frozen=True)
class ServiceContext:
    """What all services of one process share."""

    config: Config
    metrics: Metrics
    client: ServiceClient
    # What `/readyz` checks, by name; a probe raises if its subject cannot be reached.
    probes: dict[str, Callable[[], Awaitable[object]]] = field(default_factory=dict)
    trail: Trail | None = None

    @property
    def lease_ms(self) -> int:
        """How long a connection counts as alive after its last sign of life."""
        return _PINGS_PER_LEASE * self.config.settings.ping_ms


class Hosted(Protocol):
    """A service that a process can host; only the gateway and other services call its routes.

    A service does not close the databases, the registry or the bus that it receives: see
    `assembly.Resources`.
    """

    router: Router

    async def start(self) -> None:
        """Start background work; called once, on the running loop."""
        ...

    async def close(self) -> None:
        """Finish background work."""
        ...


class Service:
    """The base of services without background work."""

    router: Router

    async def start(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""


def require_name(text: str, what: str) -> str:
    """Return the text if it can name a user, device or room; otherwise ApiError bad_request."""
    if _NAME.fullmatch(text) is None:
        raise ApiError("bad_request", f"{what}: 1 to 64 of letters, digits, _ and -")
    return text
