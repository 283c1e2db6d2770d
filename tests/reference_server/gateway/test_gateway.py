"""Authentication, routing and load shedding of the gateway."""

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
    """Records the calls that are passed on; raises `failure` if it is set."""

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
def client():
    """The client with which the gateway calls services."""
    return FakeServiceClient()


@pytest.fixture
def metrics():
    """The metrics of the gateway."""
    return Metrics()


@pytest.fixture
def lag_s():
    """The lag of the gateway's event loop: `lag_s[0]`."""
    return [0.0]


@pytest.fixture
def gateway(client, metrics, lag_s):
    """The gateway under test."""
    config = Config(
        name="gateway-1",
        services=("gateway",),
        port=1,
        secret=SECRET,
        internal_token="t",
        settings=Settings(
            user_sends_per_s=1,
            user_sends_burst=3,
            user_room_calls_per_s=1,
            user_room_calls_burst=2,
            user_friend_calls_per_s=1,
            user_friend_calls_burst=2,
        ),
    )
    return Gateway(ServiceContext(config, metrics, client), lambda: lag_s[0])


def call(path, *, user="ann", exp=None, authorization=None, method="POST"):
    """Return a call with a token."""
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
async def test_the_first_two_path_segments_choose_the_service(gateway, client, path, service):
    assert (await gateway.handle(call(path))).status == 200
    [(called, request)] = client.passed
    assert (called, request.path, request.body) == (service, path, b"body")
    assert request.query == {"q": "1"}
    assert service in SERVICE_OF.values()


@pytest.mark.parametrize("path", ["/v1/rooms/r.x/members/bob", "/v1/friends/bob"])
async def test_a_user_who_makes_too_many_calls_of_a_kind_is_refused_and_can_still_send(
    gateway, path
):
    """Others are not affected, and are told when to try again."""
    responses = [await gateway.handle(call(path, method="PUT")) for _ in range(3)]
    assert [response.status for response in responses] == [200, 200, 429]
    assert responses[-1].headers == {"retry-after": "1"}
    assert (await gateway.handle(call(path, user="bob"))).status == 200
    assert (await gateway.handle(call(SENDS))).status == 200


async def test_the_token_identifies_the_caller_and_client_headers_are_dropped(gateway, client):
    await gateway.handle(call("/v1/heads"))
    [(_, request)] = client.passed
    assert (request.user, request.device, request.headers) == ("ann", "d0", {})


@pytest.mark.parametrize("authorization", ["Bearer x.y", "Basic abc", "Bearer"])
async def test_invalid_credentials_are_unauthorized(gateway, client, authorization):
    response = await gateway.handle(call("/v1/heads", authorization=authorization))
    assert response.status == 401
    assert client.passed == []


async def test_an_expired_token_is_unauthorized(gateway):
    assert (await gateway.handle(call("/v1/heads", exp=1))).status == 401


async def test_a_login_needs_no_token(gateway, client):
    response = await gateway.handle(Request("POST", "/v1/sessions"))
    assert (response.status, client.passed[0][1].user) == (200, "")


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/internal/heads", "/v2/heads"])
async def test_internal_and_unknown_paths_are_not_found(gateway, client, path):
    assert (await gateway.handle(call(path))).status == 404
    assert client.passed == []


async def test_a_failing_service_is_answered_in_the_protocols_format(gateway, client):
    client.failure = ApiError("timeout", "too slow", stored="unknown")
    response = await gateway.handle(call("/v1/heads"))
    assert response.status == 504
    assert json.loads(response.body)["error"]["stored"] == "unknown"


async def test_sends_over_the_user_rate_are_refused_and_not_stored(gateway, client, metrics):
    """Reads, and sends of other users, are not affected."""
    statuses = [(await gateway.handle(call(SENDS))).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    response = await gateway.handle(call(SENDS))
    assert json.loads(response.body)["error"]["stored"] == "no"
    assert response.headers["retry-after"] == "1"
    assert (await gateway.handle(call(SENDS, method="GET"))).status == 200
    assert (await gateway.handle(call(SENDS, user="bob"))).status == 200
    assert (metrics.counters["sends_total"], metrics.counters["rate_limited_total"]) == (4, 2)


@pytest.mark.parametrize(
    ("lag", "refused"),
    [(0.2, set()), (0.3, {"friend", "sticker", "room"}), (2.0, {"all"})],
)
async def test_overload_refuses_less_important_work_first(
    gateway, client, metrics, lag_s, lag, refused
):
    """Refused calls reach no service and store nothing."""
    lag_s[0] = lag
    paths = {
        "friend": "/v1/friends/b",
        "sticker": "/v1/stickers",
        "room": "/v1/rooms/r.x/members/b",
        "send": SENDS,
        "login": "/v1/sessions",
    }
    for work, path in paths.items():
        client.passed.clear()
        response = await gateway.handle(call(path))
        is_refused = bool({work, "all"} & refused)
        assert (response.status, bool(client.passed)) == (
            (503, False) if is_refused else (200, True)
        )
        assert metrics.counters[f'sheds_total{{work="{work}"}}'] == is_refused
        if is_refused:
            assert json.loads(response.body)["error"]["stored"] == "no"
            assert response.headers["retry-after"] == "1"


async def test_a_failed_send_no_longer_counts_as_in_flight(gateway, client):
    """Otherwise failures would look like an overload that never ends."""
    client.failure = ApiError("timeout", "too slow", stored="unknown")
    await gateway.handle(call(SENDS))
    client.failure = None
    await gateway.handle(call(SENDS))
    assert gateway._admission._in_flight == 0


async def test_stickers_are_answered_from_the_last_good_response(gateway, client, metrics):
    """Without an earlier good response, the failure is returned."""
    client.failure = ApiError("unavailable", "gone")
    assert (await gateway.handle(call("/v1/stickers", method="GET"))).status == 503
    client.failure = None
    assert json.loads((await gateway.handle(call("/v1/stickers", method="GET"))).body) == {}
    client.failure = ApiError("unavailable", "gone")
    response = await gateway.handle(call("/v1/stickers", method="GET"))
    assert (response.status, json.loads(response.body)) == (200, {"degraded": True})
    assert metrics.counters["degraded_total"] == 1


async def test_failed_calls_are_logged_at_most_once_a_second(gateway, client, caplog):
    client.failure = ApiError("timeout", "too slow", stored="unknown")
    for _ in range(5):
        await gateway.handle(call("/v1/heads"))
    [record] = caplog.records
    assert record.context["path"] == "/v1/heads"
    assert (record.context["status"], record.context["others_since_last"]) == (504, 0)
