"""What every HTTP service is given, and what it offers to the process that hosts it."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from gauntlet.reference_server.core.config import Config
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.http.messages import Router
from gauntlet.reference_server.http.service_client import ServiceClient
from gauntlet.reference_server.store import open_users
from gauntlet.reference_server.store.base import UsersStore

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LEASES_PER_PING = 3


@dataclass(frozen=True)
class Context:
    """The surroundings of a service; what it opens is shared by all services of the process."""

    config: Config
    metrics: Metrics
    client: ServiceClient
    # What `/readyz` tries, by name: each raises if that cannot be reached.
    probes: dict[str, Callable[[], Awaitable[object]]] = field(default_factory=dict)

    @cached_property
    def users(self) -> UsersStore:
        """The users DB: a SQLite file has one owner, and one writer in it."""
        users = open_users(self.config.users_db, self.config.settings.db_timeout_ms)
        self.probes["users_db"] = users.environment
        return users

    @property
    def lease_ms(self) -> int:
        """How long a connection counts as alive after its last sign of life."""
        return _LEASES_PER_PING * self.config.settings.ping_ms

    async def close(self) -> None:
        """Let go of what was opened."""
        if "users" in self.__dict__:
            await self.users.close()


class Service(Protocol):
    """Made from a `Context`; its routes are called by the gateway and by other services only.

    One that runs nothing in the background inherits `start` and `close`.
    """

    router: Router

    async def start(self) -> None:
        """Begin background work; called once, on the running loop."""
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of everything."""
        ...


def require_name(text: str, what: str) -> str:
    """The text if it may name a user, a device or a room; ApiError bad_request otherwise."""
    if _NAME.fullmatch(text) is None:
        raise ApiError("bad_request", f"{what}: 1 to 64 of letters, digits, _ and -")
    return text
