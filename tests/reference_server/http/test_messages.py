"""Requests find their handlers, errors become answers, and bodies have a limit."""

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
    """Answers with what it got."""
    return reply({"params": request.params, "user": request.user})


async def refuse(request):
    """Answers with an error."""
    raise ApiError("unavailable", "later", stored="unknown")


async def crash(request):
    """A defect."""
    raise KeyError("secret")


ROUTER = Router(
    {
        ("GET", "/a/{x}/b/{y}"): show,
        ("POST", "/refuse"): refuse,
        ("POST", "/crash"): crash,
        ("GET", "/crash"): crash,
    }
)


async def test_a_pattern_gives_its_parts_names():
    """Each `{name}` stands for one segment, whatever is in it."""
    response = await ROUTER.handle(Request("GET", "/a/r.1/b/ü", user="ann"))
    assert json.loads(response.body) == {"params": {"x": "r.1", "y": "ü"}, "user": "ann"}


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/a/1/b/2"), ("GET", "/a/1/b"), ("GET", "/a/1/c/2"), ("GET", "/")]
)
async def test_what_no_route_names_is_not_found(method, path):
    """Another method, length or word is another call."""
    response = await ROUTER.handle(Request(method, path))
    assert response.status == 404
    assert json.loads(response.body)["error"]["code"] == "not_found"


async def test_an_error_is_answered_in_the_protocols_form():
    """Code, message, temporary, stored, and `Retry-After` where a retry may help."""
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
async def test_a_defect_tells_nothing_and_claims_nothing(method, stored):
    """Its text stays inside, and only a read is sure to have left nothing."""
    response = await ROUTER.handle(Request(method, "/crash"))
    assert response.status == 500
    assert b"secret" not in response.body
    assert json.loads(response.body)["error"]["stored"] == stored


@pytest.mark.parametrize("text", ["-1", "x", "11", "", "9" * 5000, "²"])
def test_a_number_out_of_range_is_refused(text):
    """Query parameters are plain decimal numbers up to a maximum."""
    with pytest.raises(ApiError, match="limit must be a number from 0 to 10"):
        Request("GET", "/", query={"limit": text}).query_number("limit", 5, 10)


def test_a_number_left_out_has_its_default():
    """And one that is there counts."""
    assert Request("GET", "/").query_number("limit", 5, 10) == 5
    assert Request("GET", "/", query={"limit": "10"}).query_number("limit", 5, 10) == 10


def test_an_answer_is_written_whole():
    """Status, length and type; headers of its own; to HEAD no body, to the last one a goodbye."""
    told = Response(201, b"{}").encode(with_body=True, closes=False)
    assert told == (
        b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    )
    plain = Response(200, b"x", {"content-type": "text/plain"})
    assert plain.encode(with_body=False, closes=True) == (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n"
        b"content-length: 1\r\n\r\n"
    )


def test_a_route_is_looked_for_once_and_long_ones_are_not_kept():
    """People write to the same conversations; nobody fills the memory with paths."""
    router = Router({("GET", "/a/{x}"): show})
    for path in ("/a/1", "/a/1", "/a/" + "x" * 1000):
        asyncio.run(router.handle(Request("GET", path)))
    assert router._find_cached.cache_info()[:2] == (1, 1)


@pytest.mark.parametrize("text", ["-1", "1.5", "٣", "1e3", "0" * 5000 + "1", "0" * 20 + "9" * 20])
def test_a_number_is_a_number(text):
    """Nothing that Python's int would take in its own way, and no more digits than there can be."""
    with pytest.raises(ApiError):
        Request("GET", "/", query={"after": text}).query_number("after", 0, 10**15)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff\xfe", b'{"a":' * 20_000, b'{"name": "\xff"}']
)
def test_a_body_that_is_no_json_of_ours_is_a_bad_request(body):
    """Truncated, not UTF-8, nested without end: a typed error."""
    with pytest.raises(ApiError) as raised:
        Request("POST", "/", body).json(Named)
    assert raised.value.code == "bad_request"
