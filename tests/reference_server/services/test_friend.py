"""The responses of the friend service; the rules of friendship are tested with the store."""

import json

import pytest

from gauntlet.reference_server.http.messages import Request
from gauntlet.reference_server.services.friend import FriendService
from gauntlet.reference_server.store import open_users


@pytest.fixture
async def call(tmp_path):
    """Calls the service as a user: status and decoded answer."""
    users = open_users(f"sqlite://{tmp_path}/users.db", 1000)
    service = FriendService(users)
    await service.start()

    async def call(user, method, path, **query):
        request = Request(method, path, query=query, user=user)
        response = await service.router.handle(request)
        return response.status, json.loads(response.body)

    yield call
    await service.close()
    await users.close()


EMPTY = {"friends": [], "incoming": [], "outgoing": [], "blocked": []}


async def test_a_friendship_is_requested_accepted_and_ended(call):
    """Each step as both users see it."""
    assert await call("ann", "GET", "/v1/friends") == (200, EMPTY)
    assert await call("ann", "PUT", "/v1/friends/bob") == (200, {"state": "requested"})
    assert (await call("ann", "GET", "/v1/friends"))[1] == {**EMPTY, "outgoing": ["bob"]}
    assert (await call("bob", "GET", "/v1/friends"))[1] == {**EMPTY, "incoming": ["ann"]}
    assert await call("bob", "PUT", "/v1/friends/ann") == (200, {"state": "friends"})
    assert (await call("ann", "GET", "/v1/friends"))[1] == {**EMPTY, "friends": ["bob"]}
    assert await call("ann", "DELETE", "/v1/friends/bob") == (200, {})
    assert await call("bob", "GET", "/v1/friends") == (200, EMPTY)


async def test_only_the_blocking_user_sees_a_block(call):
    """The other user's requests are refused."""
    assert await call("ann", "PUT", "/v1/friends/bob/block") == (200, {})
    assert (await call("ann", "GET", "/v1/friends"))[1] == {**EMPTY, "blocked": ["bob"]}
    assert await call("bob", "GET", "/v1/friends") == (200, EMPTY)
    for user, other in (("ann", "bob"), ("bob", "ann")):
        status, refused = await call(user, "PUT", f"/v1/friends/{other}")
        assert (status, refused["error"]["stored"]) == (403, "no")
    assert await call("ann", "DELETE", "/v1/friends/bob/block") == (200, {})
    assert await call("bob", "PUT", "/v1/friends/ann") == (200, {"state": "requested"})


@pytest.mark.parametrize("other", ["ann", "a.b", "x" * 65])
@pytest.mark.parametrize("end", ["", "/block"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_relation_needs_another_valid_user(call, method, end, other):
    status, refused = await call("ann", method, f"/v1/friends/{other}{end}")
    assert (status, refused["error"]["code"]) == (400, "bad_request")


async def test_blocks_are_listed_since_a_version(call):
    await call("ann", "PUT", "/v1/friends/bob/block")
    page = (await call("", "GET", "/internal/blocks", since="0"))[1]
    assert (page["blockers"], page["whole"]) == ({"d.ann.bob": ["ann"]}, True)
    since = str(page["version"])
    assert (await call("", "GET", "/internal/blocks", since=since))[1]["blockers"] == {}
    assert (await call("", "GET", "/internal/blocks", since="x"))[0] == 400
