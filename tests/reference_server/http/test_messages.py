"""Routing, error responses and the limits of request values."""

import asyncio
import json

import msgspec
import pytest

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.http.messages import Request, Response, Router, reply


class Named(msgspec.Struct):
    """A body with a name."""

    name: str


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


@pytest.mark.parametrize("text", ["-1", "x", "11", "", "9" * 5000, "²"])
def test_an_invalid_query_number_is_rejected_with_its_range(text):
    with pytest.raises(ApiError, match="limit must be a number from 0 to 10"):
        Request("GET", "/", query={"limit": text}).query_number("limit", 5, 10)


def test_a_missing_query_number_has_its_default():
    assert Request("GET", "/").query_number("limit", 5, 10) == 5
    assert Request("GET", "/", query={"limit": "10"}).query_number("limit", 5, 10) == 10


def test_a_response_is_encoded_with_status_length_and_type():
    """`HEAD` gets no body, and the last response of a connection announces the close."""
    encoded = Response(201, b"{}").encode(with_body=True, closes=False)
    assert encoded == (
        b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    )
    plain = Response(200, b"x", {"content-type": "text/plain"})
    assert plain.encode(with_body=False, closes=True) == (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n"
        b"content-length: 1\r\n\r\n"
    )


def test_a_route_is_cached_unless_its_path_is_long():
    """Long paths are not cached, so that clients cannot fill the memory."""
    router = Router({("GET", "/a/{x}"): show})
    for path in ("/a/1", "/a/1", "/a/" + "x" * 1000):
        asyncio.run(router.handle(Request("GET", path)))
    assert router._find_cached.cache_info()[:2] == (1, 1)


@pytest.mark.parametrize("text", ["-1", "1.5", "٣", "1e3", "0" * 5000 + "1", "0" * 20 + "9" * 20])
def test_a_query_number_has_ascii_digits_only_and_a_limited_length(text):
    """`int` would accept more than the protocol does."""
    with pytest.raises(ApiError):
        Request("GET", "/", query={"after": text}).query_number("after", 0, 10**15)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff\xfe", b'{"a":' * 20_000, b'{"name": "\xff"}']
)
def test_an_undecodable_body_is_a_bad_request(body):
    with pytest.raises(ApiError) as raised:
        Request("POST", "/", body).json(Named)
    assert raised.value.code == "bad_request"
