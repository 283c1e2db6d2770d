"""The logins of a virtual user: gateways, renewals, and accounts."""

import itertools
from random import Random

import pytest

from gauntlet.scenarios.adapters.base import OverHttp, Request
from gauntlet.scenarios.adapters.reference import Reference
from gauntlet.scenarios.adapters.xmpp import Xmpp
from gauntlet.scenarios.client.session import Session

from ..world import ANN, TALK, World
from .sessions import LOGIN, connect, keep_alive


def test_each_failed_login_waits_and_uses_the_next_gateway(world, session):
    gateways = []
    for _ in range(6):
        asked = world.take()
        gateways.append(asked.gateway)
        asked.fail()
        assert world.asked == []
        world.pass_ms(5_000)
    assert gateways == list(range(gateways[0], gateways[0] + 6))


def test_the_last_address_is_dialled_while_logins_fail(world, session):
    connection = connect(world, session)
    session.on_closed(connection, 1006)
    world.pass_ms(600)
    world.take().answer(503, {"error": {"code": "unavailable", "message": ""}})
    assert len(world.dialled) == 2
    connect(world, session)
    assert session.connected


def test_a_login_is_renewed_on_the_same_connection_before_it_expires(world, session):
    world.take().answer(200, {**LOGIN, "expires_in_s": 3600})
    connection = connect(world, session)
    for token in ("u", "v"):
        keep_alive(world, session, connection, 2700)
        login = world.take()
        assert login.request.path == "/v1/sessions"
        login.answer(200, {**LOGIN, "token": token, "expires_in_s": 3600})
        assert session.request_channel.codec.history(TALK.name, 0, 1).request.token == token
    assert world.dialled == [connection]
    assert session.request_channel.connection is connection


def test_only_the_latest_login_is_renewed(world, session):
    world.take().answer(200, {**LOGIN, "expires_in_s": 3600})
    connection = connect(world, session)
    keep_alive(world, session, connection, 1000)
    session.on_closed(connection, 1006)
    world.pass_ms(2000)
    world.take().answer(200, {**LOGIN, "expires_in_s": 36_000})
    keep_alive(world, session, connect(world, session), 2000)
    assert not world.asked


def test_a_failed_renewal_is_retried_before_the_token_expires(world, session):
    world.take().answer(200, {**LOGIN, "expires_in_s": 3600})
    connection = connect(world, session)
    keep_alive(world, session, connection, 2700)
    for _ in range(3):
        world.take().fail()
        keep_alive(world, session, connection, 181)
    world.take().answer(200, {**LOGIN, "token": "u", "expires_in_s": 3600})
    assert session.request_channel.codec.history(TALK.name, 0, 1).request.token == "u"
    assert world.dialled == [connection]


def test_a_login_without_an_expiry_is_not_renewed(world, session):
    connection = connect(world, session)
    keep_alive(world, session, connection, 10_000)
    assert not world.asked


def test_an_absent_user_renews_no_login(world, session):
    world.take().answer(200, {**LOGIN, "expires_in_s": 60})
    connect(world, session)
    session.leave()
    world.pass_ms(60_000, step_ms=100)
    assert not world.asked


def test_without_a_login_a_failed_address_is_followed_by_the_next_one():
    world = World(Xmpp({}))
    world.context.api.append("ws://127.0.0.1:10")
    session = Session(world.context, ANN, Random(1))
    session.start()
    for _ in range(3):
        session.on_closed(world.dialled[-1], 1006)
        world.pass_ms(5000)
    addresses = [connection.url for connection in world.dialled]
    assert len(addresses) == 4
    assert all(first != second for first, second in itertools.pairwise(addresses))


class SigningUp(Reference):
    """The reference protocol with an invented call that creates an account."""

    def codec(self, account, device):
        class Codec(type(super().codec(account, device))):
            def sign_up(self):
                request = Request(method="POST", path="/v1/accounts")
                return OverHttp(request=request, read=lambda response: response.status == 201)

        return Codec(account.name, device)


@pytest.mark.parametrize("status", [201, 409])
def test_an_account_is_created_once_and_before_the_first_login(status):
    """A second run finds the account that the first one has created."""
    world = World(SigningUp({}))
    world.context.signs_up = True
    session = Session(world.context, ANN, Random(1))
    session.start()
    (asked,) = world.asked
    assert asked.request.path == "/v1/accounts"
    world.take().fail()
    assert world.asked == []
    world.pass_ms(5000)
    world.take().answer(status, {})
    (asked,) = world.asked
    assert asked.request.path == "/v1/sessions"
    connection = connect(world, session)
    session.on_closed(connection, 1006)
    world.pass_ms(5000)
    assert [asked.request.path for asked in world.asked] == ["/v1/sessions"]
