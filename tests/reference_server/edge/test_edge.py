"""Who an edge takes a client for."""

import time

import pytest

from gauntlet.reference_server.core import tokens, wire
from gauntlet.reference_server.core.config import Config
from gauntlet.reference_server.core.tokens import Claims
from gauntlet.reference_server.core.wire import Close, WireError
from gauntlet.reference_server.edge.edge import Edge

CONFIG = Config(
    name="edge-blue-1",
    services=("edge",),
    port=1,
    secret="ours",
    internal_token="internal",
    registry="redis://127.0.0.1:1",
    bus="redis://127.0.0.1:1",
)


@pytest.fixture
async def identify():
    """Shows an edge a token on a device; the user that it sees."""
    edge = Edge(CONFIG)
    yield lambda token, device="phone": edge._identify(wire.Connect(token, device))
    await edge.close()


def token(*, device="phone", lives_s=60, secret="ours"):
    """Ann's token."""
    return tokens.sign(Claims("ann", device, int(time.time()) + lives_s), secret)


async def test_a_good_token_names_the_user(identify):
    """Also when it is shown again: a second connection of the same device is none of a thief's."""
    good = token()
    assert [identify(good), identify(good)] == ["ann", "ann"]


@pytest.mark.parametrize(
    ("shown", "device"),
    [
        (token(secret="theirs"), "phone"),
        (token(lives_s=-1), "phone"),
        (token(device="tablet"), "phone"),
        (token(), ""),
        (token()[:-1], "phone"),
        ("", "phone"),
        ("é.ü", "phone"),
    ],
    ids=["forged", "expired", "replayed elsewhere", "no device", "cut", "empty", "not ASCII"],
)
async def test_any_other_token_is_refused_for_good(identify, shown, device):
    """4501: whoever shows it must not try again with it."""
    with pytest.raises(WireError) as caught:
        identify(shown, device)
    assert caught.value.code == Close.UNAUTHORIZED
