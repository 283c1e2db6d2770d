"""What a login returns, and which edge it assigns."""

import json
from collections import Counter

import pytest

from gauntlet.reference_server.core import tokens
from gauntlet.reference_server.core.config import Config, EdgeAddress, Urls
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.http.messages import Request
from gauntlet.reference_server.registry.base import RegistryDown
from gauntlet.reference_server.services.base import ServiceContext
from gauntlet.reference_server.services.login import EdgeBalancer, LoginService
from gauntlet.reference_server.store.base import StoreDown

NAMES = ["e1", "e2"]


def test_the_edge_with_fewer_connections_is_chosen():
    balancer = EdgeBalancer()
    balancer.update({"e1": 100, "e2": 3})
    assert {balancer.choose(NAMES) for _ in range(50)} == {"e2"}


def test_clients_assigned_since_the_last_count_are_included():
    """Otherwise all clients would go to one edge until the next count."""
    balancer = EdgeBalancer()
    for _ in range(100):
        balancer.update({"e1": 7, "e2": 7})
        balancer.choose(NAMES)
    assert sum(balancer._assigned.values()) == 100
    assert balancer._assigned == {"e1": 50, "e2": 50}


def test_a_new_count_replaces_the_assigned_clients():
    balancer = EdgeBalancer()
    balancer.update({"e1": 0, "e2": 9})
    for _ in range(5):
        balancer.choose(NAMES)
    balancer.update({"e1": 5, "e2": 9})
    assert balancer._load("e1") == 5


def test_an_edge_without_a_lease_is_not_chosen_while_another_has_one():
    balancer = EdgeBalancer()
    balancer.update({"e2": 1000})
    assert {balancer.choose(NAMES) for _ in range(50)} == {"e2"}


def test_without_any_count_every_edge_may_be_chosen():
    balancer = EdgeBalancer()
    balancer.update({})
    assert set(Counter(balancer.choose(NAMES) for _ in range(50))) == set(NAMES)


def test_an_edge_that_never_started_is_not_chosen_while_the_registry_is_down():
    """Spare edges are configured long before they are started."""
    balancer = EdgeBalancer()
    balancer.update({"e1": 3})
    balancer.update({})
    assert {balancer.choose(NAMES) for _ in range(50)} == {"e1"}
    balancer.update({"e1": 9, "e2": 0})
    balancer.update({})
    assert {balancer.choose(NAMES) for _ in range(50)} == set(NAMES)


class FakeUsers:
    """A users DB that may be down."""

    def __init__(self):
        self.down = False
        self.current = "blue"

    async def ensure_account(self, user):
        if self.down:
            raise StoreDown

    async def environment(self):
        if self.down:
            raise StoreDown
        return self.current

    async def set_environment(self, environment):
        self.current = environment


class UnreachableRegistry:
    """A registry that is down."""

    async def edges(self):
        raise RegistryDown


@pytest.fixture
def users():
    """The users DB of `login_service`."""
    return FakeUsers()


@pytest.fixture
def login_service(monkeypatch, users):
    """A login service without a registry that reads the environment for each login."""
    monkeypatch.setattr("gauntlet.reference_server.services.login.CACHE_TTL_S", -1.0)
    edges = tuple(
        EdgeAddress(f"edge-{color}-1", color, f"ws://{color}") for color in ("green", "blue")
    )
    config = Config(
        name="social-1",
        services=("sessions",),
        port=1,
        secret="s",
        internal_token="i",
        urls=Urls(api=("http://api",), edges=edges),
    )
    return LoginService(ServiceContext(config, Metrics(), None), users, UnreachableRegistry())


async def log_in(service, user="ann"):
    """Return the status and the decoded response of a login."""
    body = json.dumps({"user": user, "device": "d0"}).encode()
    response = await service.router.handle(Request("POST", "/v1/sessions", body))
    return response.status, json.loads(response.body)


async def test_a_login_returns_a_token_and_an_edge_of_the_current_environment(login_service):
    status, session = await log_in(login_service)
    claims = tokens.verify(session["token"], "s", now_s=0)
    assert (status, claims.user, claims.device) == (200, "ann", "d0")
    assert claims.exp == session["expires_at"]
    assert session["api"] == ["http://api"]
    assert session["connect"] == {"url": "ws://blue", "environment": "blue"}


async def test_known_accounts_can_log_in_while_the_users_db_is_down(login_service, users):
    """To the environment that was current before."""
    await log_in(login_service)
    users.down = True
    assert (await log_in(login_service, "new"))[0] == 503
    status, session = await log_in(login_service)
    assert (status, session["connect"]["environment"]) == (200, "blue")


def test_drained_edges_are_preferred_to_edges_that_never_started():
    """At the start of a rollback, no edge accepts clients according to the registry yet."""
    balancer = EdgeBalancer()
    balancer.update({"blue-1": 3, "green-1": 0})
    balancer.update({"green-1": 3})
    assert balancer.choose(["blue-1", "blue-2"]) == "blue-1"


async def test_an_environment_switched_by_another_process_is_used(login_service, users):
    await log_in(login_service)
    users.current = "green"
    assert (await log_in(login_service))[1]["connect"]["environment"] == "green"


async def test_an_invalid_user_name_is_rejected(login_service):
    """Ids that are made of it would be ambiguous."""
    for name in ("", "a.b", "x" * 65, "a\n"):
        assert (await log_in(login_service, name))[0] == 400
