"""Which handler a call meets, and the responses to its errors."""

import asyncio
import json

import pytest

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.http.messages import Request, reply
from gauntlet.reference_server.http.router import Router


async def show(request):
    """Answer with the parameters and the user of the request."""
    return reply({"params": request.params, "user": request.user})


async def refuse(request):
    """Answer with an error."""
    raise ApiError("unavailable", "later", stored="unknown")


async def crash(request):
    """Fail with a defect."""
    raise KeyError("secret")


ROUTER = Router(
    {
        ("GET", "/a/{x}/b/{y}"): show,
        ("POST", "/refuse"): refuse,
        ("POST", "/crash"): crash,
        ("GET", "/crash"): crash,
    }
)


async def test_a_placeholder_matches_one_path_segment():
    response = await ROUTER.handle(Request("GET", "/a/r.1/b/ü", user="ann"))
    assert json.loads(response.body) == {"params": {"x": "r.1", "y": "ü"}, "user": "ann"}


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/a/1/b/2"), ("GET", "/a/1/b"), ("GET", "/a/1/c/2"), ("GET", "/")]
)
async def test_an_unknown_method_or_path_is_not_found(method, path):
    response = await ROUTER.handle(Request(method, path))
    assert response.status == 404
    assert json.loads(response.body)["error"]["code"] == "not_found"


async def test_an_api_error_becomes_an_error_response_of_the_protocol():
    response = await ROUTER.handle(Request("POST", "/refuse"))
    assert response.status == 503
    assert response.headers["retry-after"] == "1"
    assert json.loads(response.body) == {
        "error": {
            "code": "unavailable",
            "message": "later",
            "temporary": True,
            "stored": "unknown",
        }
    }


@pytest.mark.parametrize(("method", "stored"), [("GET", "no"), ("POST", "unknown")])
async def test_a_defect_reveals_no_details_and_only_a_read_is_definitely_not_stored(method, stored):
    response = await ROUTER.handle(Request(method, "/crash"))
    assert response.status == 500
    assert b"secret" not in response.body
    assert json.loads(response.body)["error"]["stored"] == stored


def test_a_route_is_cached_unless_its_path_is_long():
    """Long paths are not cached, so that clients cannot fill the memory."""
    router = Router({("GET", "/a/{x}"): show})
    for path in ("/a/1", "/a/1", "/a/" + "x" * 1000):
        asyncio.run(router.handle(Request("GET", path)))
    assert router._find_cached.cache_info()[:2] == (1, 1)
