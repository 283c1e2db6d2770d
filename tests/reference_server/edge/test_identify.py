"""How an edge identifies a client."""

import time

import pytest

from gauntlet.reference_server.core import tokens, wire
from gauntlet.reference_server.core.tokens import Claims
from gauntlet.reference_server.core.wire import Close, WireError
from gauntlet.reference_server.edge import connection


@pytest.fixture
def identify():
    """A function that presents a token on a device to an edge, and returns the user."""
    return lambda token, device="phone": connection.identify(wire.Connect(token, device), "ours")


def token(*, device="phone", lifetime_s=60, secret="ours"):
    """Return a token of Ann's."""
    return tokens.sign(Claims("ann", device, int(time.time()) + lifetime_s), secret)


def test_a_valid_token_identifies_the_user_every_time(identify):
    """A second connection of the same device is legitimate."""
    valid = token()
    assert [identify(valid), identify(valid)] == ["ann", "ann"]


@pytest.mark.parametrize(
    ("presented", "device"),
    [
        (token(secret="theirs"), "phone"),
        (token(lifetime_s=-1), "phone"),
        (token(device="tablet"), "phone"),
        (token(), ""),
        (token()[:-1], "phone"),
        ("", "phone"),
        ("é.ü", "phone"),
    ],
    ids=["forged", "expired", "replayed elsewhere", "no device", "cut", "empty", "not ASCII"],
)
def test_any_other_token_is_rejected_as_unauthorized(identify, presented, device):
    """With 4501 a client must not try again with the same token."""
    with pytest.raises(WireError) as caught:
        identify(presented, device)
    assert caught.value.code == Close.UNAUTHORIZED
