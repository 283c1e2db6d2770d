"""Logging in: an account, a token, and the edge to connect to.

Which environment that edge belongs to is how a cutover switches traffic.
"""

import random
import time
from contextlib import suppress

import msgspec

from gauntlet.reference_server import registry
from gauntlet.reference_server.core import tokens
from gauntlet.reference_server.core.config import EdgeAddress
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.http.messages import Request, Response, Router, reply
from gauntlet.reference_server.registry.base import RegistryDown
from gauntlet.reference_server.services.base import Context, Service, require_name
from gauntlet.reference_server.store.base import StoreDown

CACHED_S = 0.5


class _Login(msgspec.Struct):
    user: str
    device: str


class _Environment(msgspec.Struct):
    environment: str


class SessionsService(Service):
    """Accounts and where they connect; survives the users DB for accounts it has seen."""

    def __init__(self, context: Context) -> None:
        self._config = context.config
        self._users = context.users
        self._registry = registry.connect(context.config.registry, lease_ms=context.lease_ms)
        context.probes["registry"] = self._registry.edges
        self._accounts: set[str] = set()
        self._environment = self._config.urls.edges[0].environment if self._edges() else ""
        self._environment_read_at = float("-inf")
        self._balance = Balance()
        self._counts_read_at = float("-inf")
        self.router = Router(
            {
                ("POST", "/v1/sessions"): self.login,
                ("GET", "/internal/environment"): self.environment,
                ("POST", "/internal/environment"): self.switch,
            }
        )

    async def close(self) -> None:
        await self._registry.close()

    async def login(self, request: Request) -> Response:
        """A token, and one living edge of the current environment."""
        login = request.json(_Login)
        user, device = require_name(login.user, "user"), require_name(login.device, "device")
        if user not in self._accounts:
            await self._users.ensure_account(user)
            self._accounts.add(user)
        expires_at = int(time.time()) + self._config.settings.token_ttl_s
        environment = await self._current()
        edge = await self._edge(environment)
        return reply(
            {
                "token": tokens.sign(tokens.Claims(user, device, expires_at), self._config.secret),
                "expires_at": expires_at,
                "expires_in_s": self._config.settings.token_ttl_s,
                "api": self._config.urls.api,
                "connect": {"url": edge.url, "environment": environment},
            }
        )

    async def environment(self, request: Request) -> Response:
        """The environment that new connections are sent to."""
        return reply(_Environment(await self._current()))

    async def switch(self, request: Request) -> Response:
        """Send new connections to another environment, from the next login on."""
        wanted = request.json(_Environment).environment
        if wanted not in {edge.environment for edge in self._edges()}:
            raise ApiError("bad_request", f"no edge is in {wanted}")
        await self._users.set_environment(wanted)
        self._environment, self._environment_read_at = wanted, time.monotonic()
        return reply(_Environment(wanted))

    async def _current(self) -> str:
        """As the users DB has it; as it had it last while it is down."""
        if time.monotonic() - self._environment_read_at > CACHED_S:
            with suppress(StoreDown):
                self._environment = await self._users.environment() or self._environment
            self._environment_read_at = time.monotonic()
        return self._environment

    async def _edge(self, environment: str) -> EdgeAddress:
        edges = {edge.name: edge for edge in self._edges() if edge.environment == environment}
        if not edges:
            raise ApiError("unavailable", f"no edge is in {environment}")
        if time.monotonic() - self._counts_read_at > CACHED_S:
            with suppress(RegistryDown):
                living = await self._registry.edges()
                self._balance.counted({edge.name: edge.connections for edge in living})
            self._counts_read_at = time.monotonic()
        return edges[self._balance.choose(list(edges))]

    def _edges(self) -> tuple[EdgeAddress, ...]:
        return self._config.urls.edges


class Balance:
    """The less loaded of two edges chosen at random.

    M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001. Counts are as
    old as the last lease, so what was assigned since is added: else all would go to one edge.
    """

    def __init__(self) -> None:
        self._leased: dict[str, int] = {}
        self._seen: set[str] = set()
        self._assigned: dict[str, int] = {}

    def counted(self, leased: dict[str, int]) -> None:
        """The connections of every living edge; a registry that lost them says nothing new."""
        leased = leased or self._leased
        for name in self._leased.keys() | leased.keys():
            if leased.get(name) != self._leased.get(name):
                self._assigned[name] = 0
        self._leased = leased
        self._seen |= leased.keys()

    def choose(self, names: list[str]) -> str:
        """One of these edges: a living one, as far as is known, or was known last.

        If none is (all of them drain), one that was seen alive before. So an edge that is only
        planned is not chosen, not even while the registry is silent.
        """
        known = (self._leased, self._seen, names)
        living = next(filter(None, ([name for name in names if name in some] for some in known)))
        two = random.sample(living, min(2, len(living)))
        chosen = min(two, key=self._load)
        self._assigned[chosen] = self._assigned.get(chosen, 0) + 1
        return chosen

    def _load(self, name: str) -> int:
        return self._leased.get(name, 0) + self._assigned.get(name, 0)
