"""What a login gets, and which edge."""

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


def test_the_less_loaded_edge_is_chosen():
    """Of two, by the counts of their leases."""
    balance = EdgeBalancer()
    balance.update({"e1": 100, "e2": 3})
    assert {balance.choose(NAMES) for _ in range(50)} == {"e2"}


def test_old_counts_do_not_send_a_crowd_to_one_edge():
    """What was assigned since the last lease counts too."""
    balance = EdgeBalancer()
    for _ in range(100):
        balance.update({"e1": 7, "e2": 7})
        balance.choose(NAMES)
    assert sum(balance._assigned.values()) == 100
    assert balance._assigned == {"e1": 50, "e2": 50}


def test_a_new_count_includes_what_was_assigned():
    """So it starts from nothing."""
    balance = EdgeBalancer()
    balance.update({"e1": 0, "e2": 9})
    for _ in range(5):
        balance.choose(NAMES)
    balance.update({"e1": 5, "e2": 9})
    assert balance._load("e1") == 5


def test_a_dead_edge_is_avoided():
    """As long as another one lives."""
    balance = EdgeBalancer()
    balance.update({"e2": 1000})
    assert {balance.choose(NAMES) for _ in range(50)} == {"e2"}


def test_without_a_registry_the_choice_is_any():
    """Nobody is known to live, so all may."""
    balance = EdgeBalancer()
    balance.update({})
    assert set(Counter(balance.choose(NAMES) for _ in range(50))) == set(NAMES)


def test_an_edge_that_never_lived_is_not_chosen_while_the_registry_is_silent():
    """Spare edges are planned, and known by name, long before they are started."""
    balance = EdgeBalancer()
    balance.update({"e1": 3})
    balance.update({})
    assert {balance.choose(NAMES) for _ in range(50)} == {"e1"}
    balance.update({"e1": 9, "e2": 0})
    balance.update({})
    assert {balance.choose(NAMES) for _ in range(50)} == set(NAMES)


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
    """Status and decoded answer."""
    body = json.dumps({"user": user, "device": "d0"}).encode()
    response = await service.router.handle(Request("POST", "/v1/sessions", body))
    return response.status, json.loads(response.body)


async def test_a_login_gets_a_token_and_an_edge(login_service):
    """The token names user and device, the edge is of the current environment."""
    status, session = await log_in(login_service)
    claims = tokens.verify(session["token"], "s", now_s=0)
    assert (status, claims.user, claims.device) == (200, "ann", "d0")
    assert claims.exp == session["expires_at"]
    assert session["api"] == ["http://api"]
    assert session["connect"] == {"url": "ws://blue", "environment": "blue"}


async def test_an_outage_of_the_users_db_stops_new_logins_only(login_service, users):
    """Whoever was here comes back, to the environment that was current."""
    await log_in(login_service)
    users.down = True
    assert (await log_in(login_service, "new"))[0] == 503
    status, session = await log_in(login_service)
    assert (status, session["connect"]["environment"]) == (200, "blue")


def test_drained_edges_are_chosen_before_those_never_started():
    """In the first moment of a rollback no edge says that it takes clients again."""
    balance = EdgeBalancer()
    balance.update({"blue-1": 3, "green-1": 0})
    balance.update({"green-1": 3})
    assert balance.choose(["blue-1", "blue-2"]) == "blue-1"


async def test_another_process_switches_too(login_service, users):
    """The users DB says what is current."""
    await log_in(login_service)
    users.current = "green"
    assert (await log_in(login_service))[1]["connect"]["environment"] == "green"


async def test_a_name_outside_the_protocol_is_refused(login_service):
    """It would break the ids made of it."""
    for name in ("", "a.b", "x" * 65, "a\n"):
        assert (await log_in(login_service, name))[0] == 400
