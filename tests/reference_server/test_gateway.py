"""The gateway lets in who has a token, and knows which service answers."""

import json
import time

import pytest

from reference_server import tokens
from reference_server.asgi import Request, reply
from reference_server.errors import ApiError
from reference_server.gateway import SERVICE_OF, Gateway

SECRET = "s"


class FakeCalls:
    """Notes what is passed on; fails if told to."""

    def __init__(self):
        self.passed = []
        self.failure = None

    async def call(self, service, request):
        self.passed.append((service, request))
        if self.failure is not None:
            raise self.failure
        return reply({})


@pytest.fixture
def calls():
    """What the gateway calls."""
    return FakeCalls()


@pytest.fixture
def gateway(calls):
    """A gateway before those."""
    return Gateway(calls, SECRET)


def ask(path, *, user="ann", exp=None, authorization=None):
    """A call with a token."""
    claims = tokens.Claims(user, "d0", int(exp or time.time() + 60))
    bearer = authorization or f"Bearer {tokens.sign(claims, SECRET)}"
    return Request("POST", path, b"body", {"q": "1"}, {"authorization": bearer, "x-user": "eve"})


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/v1/conversations/d.a.b/messages", "message"),
        ("/v1/heads", "message"),
        ("/v1/rooms/r.x/members/a", "room"),
        ("/v1/friends/b", "friend"),
        ("/v1/stickers", "sticker"),
        ("/v1/sessions", "sessions"),
    ],
)
async def test_the_path_chooses_the_service(gateway, calls, path, service):
    """By its first two segments; the rest is passed on as it is."""
    assert (await gateway.handle(ask(path))).status == 200
    [(called, request)] = calls.passed
    assert (called, request.path, request.body) == (service, path, b"body")
    assert request.query == {"q": "1"}
    assert service in SERVICE_OF.values()


async def test_the_caller_is_who_the_token_names(gateway, calls):
    """Headers of the client's own making are not passed on."""
    await gateway.handle(ask("/v1/heads"))
    [(_, request)] = calls.passed
    assert (request.user, request.device, request.headers) == ("ann", "d0", {})


@pytest.mark.parametrize("authorization", ["Bearer x.y", "Basic abc", "Bearer"])
async def test_no_token_no_service(gateway, calls, authorization):
    """Forged, foreign or empty credentials are 401."""
    response = await gateway.handle(ask("/v1/heads", authorization=authorization))
    assert response.status == 401
    assert calls.passed == []


async def test_an_expired_token_is_refused(gateway):
    """Nothing lasts for ever."""
    assert (await gateway.handle(ask("/v1/heads", exp=1))).status == 401


async def test_logging_in_takes_no_token(gateway, calls):
    """How else would one get it."""
    response = await gateway.handle(Request("POST", "/v1/sessions"))
    assert (response.status, calls.passed[0][1].user) == (200, "")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/internal/heads", "/v2/heads"])
async def test_what_is_not_public_is_not_found(gateway, calls, path):
    """Internal calls above all."""
    assert (await gateway.handle(ask(path))).status == 404
    assert calls.passed == []


async def test_a_service_that_fails_is_told_in_the_protocols_form(gateway, calls):
    """Whether something may be stored is what the failure says."""
    calls.failure = ApiError("timeout", "too slow", stored="unknown")
    response = await gateway.handle(ask("/v1/heads"))
    assert response.status == 504
    assert json.loads(response.body)["error"]["stored"] == "unknown"
