"""The gateway lets in who has a token, and knows which service answers."""

import json
import time

import pytest

from gauntlet.reference_server.core import tokens
from gauntlet.reference_server.core.config import Config, Settings
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.gateway.gateway import SERVICE_OF, Gateway
from gauntlet.reference_server.http.messages import Request, reply
from gauntlet.reference_server.services.base import ServiceContext

SECRET = "s"
SENDS = "/v1/conversations/d.a.b/messages"


class FakeServiceClient:
    """Notes what is passed on; fails if told to."""

    def __init__(self):
        self.passed = []
        self.failure = None

    async def send(self, request):
        return await self.call("message", request)

    async def call(self, service, request):
        self.passed.append((service, request))
        if self.failure is not None:
            raise self.failure
        return reply({})


@pytest.fixture
def calls():
    """What the gateway calls."""
    return FakeServiceClient()


@pytest.fixture
def metrics():
    """What the gateway counts."""
    return Metrics()


@pytest.fixture
def lag_s():
    """How late the gateway's loop is: `lag_s[0]`."""
    return [0.0]


@pytest.fixture
def gateway(calls, metrics, lag_s):
    """A gateway before those."""
    config = Config(
        name="gateway-1",
        services=("gateway",),
        port=1,
        secret=SECRET,
        internal_token="t",
        settings=Settings(user_sends_per_s=1, user_sends_burst=3),
    )
    return Gateway(ServiceContext(config, metrics, calls), lambda: lag_s[0])


def ask(path, *, user="ann", exp=None, authorization=None, method="POST"):
    """A call with a token."""
    claims = tokens.Claims(user, "d0", int(exp or time.time() + 60))
    bearer = authorization or f"Bearer {tokens.sign(claims, SECRET)}"
    return Request(method, path, b"body", {"q": "1"}, {"authorization": bearer, "x-user": "eve"})


@pytest.mark.parametrize(
    ("path", "service"),
    [
        (SENDS, "message"),
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


async def test_who_sends_too_much_is_told_to_wait(gateway, calls, metrics):
    """429 after the burst, definitely not stored; reading, and others, go on."""
    statuses = [(await gateway.handle(ask(SENDS))).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    response = await gateway.handle(ask(SENDS))
    assert json.loads(response.body)["error"]["stored"] == "no"
    assert response.headers["retry-after"] == "1"
    assert (await gateway.handle(ask(SENDS, method="GET"))).status == 200
    assert (await gateway.handle(ask(SENDS, user="bob"))).status == 200
    assert (metrics.counters["sends_total"], metrics.counters["rate_limited_total"]) == (4, 2)


@pytest.mark.parametrize(
    ("lag", "refused"),
    [(0.2, set()), (0.3, {"friend", "sticker", "room"}), (2.0, {"all"})],
)
async def test_overload_refuses_what_is_not_core_first(
    gateway, calls, metrics, lag_s, lag, refused
):
    """503 with Retry-After, nothing stored, no service bothered; sends last."""
    lag_s[0] = lag
    paths = {
        "friend": "/v1/friends/b",
        "sticker": "/v1/stickers",
        "room": "/v1/rooms/r.x/members/b",
        "send": SENDS,
        "login": "/v1/sessions",
    }
    for work, path in paths.items():
        calls.passed.clear()
        response = await gateway.handle(ask(path))
        is_refused = bool({work, "all"} & refused)
        assert (response.status, bool(calls.passed)) == (
            (503, False) if is_refused else (200, True)
        )
        assert metrics.counters[f'sheds_total{{work="{work}"}}'] == is_refused
        if is_refused:
            assert json.loads(response.body)["error"]["stored"] == "no"
            assert response.headers["retry-after"] == "1"


async def test_sends_in_flight_are_counted_out_again(gateway, calls):
    """Whatever their end: else a bad day would look like overload for ever."""
    calls.failure = ApiError("timeout", "too slow", stored="unknown")
    await gateway.handle(ask(SENDS))
    calls.failure = None
    await gateway.handle(ask(SENDS))
    assert gateway._admission._in_flight == 0


async def test_stickers_outlive_their_service(gateway, calls, metrics):
    """The last good answer, marked as such; without one, the failure."""
    calls.failure = ApiError("unavailable", "gone")
    assert (await gateway.handle(ask("/v1/stickers", method="GET"))).status == 503
    calls.failure = None
    assert json.loads((await gateway.handle(ask("/v1/stickers", method="GET"))).body) == {}
    calls.failure = ApiError("unavailable", "gone")
    response = await gateway.handle(ask("/v1/stickers", method="GET"))
    assert (response.status, json.loads(response.body)) == (200, {"degraded": True})
    assert metrics.counters["degraded_total"] == 1


async def test_failures_are_logged_with_their_call_once_a_second(gateway, calls, caplog):
    """What failed and how long it took; an outage does not fill the disk."""
    calls.failure = ApiError("timeout", "too slow", stored="unknown")
    for _ in range(5):
        await gateway.handle(ask("/v1/heads"))
    [record] = caplog.records
    assert record.context["path"] == "/v1/heads"
    assert (record.context["status"], record.context["others_since_last"]) == (504, 0)
