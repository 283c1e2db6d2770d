"""The login service: accounts, tokens, and the edge that a client connects to.

A cutover switches traffic by changing the environment that this edge is chosen from.
"""

import random
import time
from contextlib import suppress

import msgspec

from gauntlet.reference_server.core import clock, tokens
from gauntlet.reference_server.core.config import EdgeAddress
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.http.messages import Request, Response, reply
from gauntlet.reference_server.http.router import Router
from gauntlet.reference_server.registry.base import Registry, RegistryDown
from gauntlet.reference_server.services.base import Service, ServiceContext, require_name
from gauntlet.reference_server.store.base import StoreDown, UsersStore

CACHE_TTL_S = 0.5  # of the current environment and of the edges' connection counts


class _Login(msgspec.Struct):
    user: str
    device: str


class _Environment(msgspec.Struct):
    environment: str


class LoginService(Service):
    """Logins and the current environment.

    Accounts that have logged in before can log in while the users DB is down.
    """

    def __init__(self, context: ServiceContext, users: UsersStore, registry: Registry) -> None:
        self._config = context.config
        self._users = users
        self._registry = registry
        context.probes["registry"] = registry.edges
        self._accounts: set[str] = set()
        self._environment = self._config.urls.edges[0].environment if self._edges() else ""
        self._environment_read_at = float("-inf")
        self._balancer = EdgeBalancer()
        self._counts_read_at = float("-inf")
        self.router = Router(
            {
                ("POST", "/v1/sessions"): self.login,
                ("GET", "/internal/environment"): self.environment,
                ("POST", "/internal/environment"): self.switch_environment,
            }
        )

    async def login(self, request: Request) -> Response:
        """Return a token and one live edge of the current environment."""
        login = request.json(_Login)
        user, device = require_name(login.user, "user"), require_name(login.device, "device")
        if user not in self._accounts:
            await self._users.ensure_account(user)
            self._accounts.add(user)
        expires_at = int(clock.now_s()) + self._config.settings.token_ttl_s
        environment = await self._current_environment()
        edge = await self._choose_edge(environment)
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
        """Return the environment that new connections are sent to."""
        return reply(_Environment(await self._current_environment()))

    async def switch_environment(self, request: Request) -> Response:
        """Send new connections to another environment, starting with the next login."""
        environment = request.json(_Environment).environment
        if environment not in {edge.environment for edge in self._edges()}:
            raise ApiError("bad_request", f"no edge is in {environment}")
        await self._users.set_environment(environment)
        self._environment, self._environment_read_at = environment, time.monotonic()
        return reply(_Environment(environment))

    async def _current_environment(self) -> str:
        """Return the environment in the users DB, or the last known one while the DB is down."""
        if time.monotonic() - self._environment_read_at > CACHE_TTL_S:
            with suppress(StoreDown):
                self._environment = await self._users.environment() or self._environment
            self._environment_read_at = time.monotonic()
        return self._environment

    async def _choose_edge(self, environment: str) -> EdgeAddress:
        edges = {edge.name: edge for edge in self._edges() if edge.environment == environment}
        if not edges:
            raise ApiError("unavailable", f"no edge is in {environment}")
        if time.monotonic() - self._counts_read_at > CACHE_TTL_S:
            with suppress(RegistryDown):
                leases = await self._registry.edges()
                self._balancer.update({lease.name: lease.connections for lease in leases})
            self._counts_read_at = time.monotonic()
        return edges[self._balancer.choose(list(edges))]

    def _edges(self) -> tuple[EdgeAddress, ...]:
        return self._config.urls.edges


class EdgeBalancer:
    """Chooses the less loaded of two edges that are drawn at random.

    M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001. The counts are
    as old as the last leases, so the clients assigned since then are added; otherwise all clients
    of that interval would go to the same edge.
    """

    def __init__(self) -> None:
        self._leased: dict[str, int] = {}
        self._seen: set[str] = set()
        self._assigned: dict[str, int] = {}

    def update(self, leased: dict[str, int]) -> None:
        """Take over the connection counts of all live edges.

        An empty map, as from a registry that lost its data, changes nothing.
        """
        leased = leased or self._leased
        for name in self._leased.keys() | leased.keys():
            if leased.get(name) != self._leased.get(name):
                self._assigned[name] = 0
        self._leased = leased
        self._seen |= leased.keys()

    def choose(self, names: list[str]) -> str:
        """Return one of these edges, preferably one that was live according to the last counts.

        If none was (all of them drain), one that was live earlier. An edge that is planned but not
        started is therefore not chosen, not even while the registry is unreachable.
        """
        preferences = (self._leased, self._seen, names)
        matches = ([name for name in names if name in group] for group in preferences)
        candidates = next(filter(None, matches))
        drawn = random.sample(candidates, min(2, len(candidates)))
        chosen = min(drawn, key=self._load)
        self._assigned[chosen] = self._assigned.get(chosen, 0) + 1
        return chosen

    def _load(self, name: str) -> int:
        return self._leased.get(name, 0) + self._assigned.get(name, 0)
