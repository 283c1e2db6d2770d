"""Requests find their handlers, errors become answers, and bodies have a limit."""

import json

import msgspec
import pytest

from reference_server.asgi import App, Request, Router, reply
from reference_server.errors import ApiError


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
        Request("GET", "/", query={"limit": text}).number("limit", 5, 10)


def test_a_number_left_out_has_its_default():
    """And one that is there counts."""
    assert Request("GET", "/").number("limit", 5, 10) == 5
    assert Request("GET", "/", query={"limit": "10"}).number("limit", 5, 10) == 10


async def call(app, *chunks, path="/x", query=b"a=1&b=%C3%BC"):
    """Run an app as a server does; what it sent."""
    waiting = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}
        for number, chunk in enumerate(chunks, 1)
    ] or [{"type": "http.disconnect"}]
    sent = []

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    headers = [(b"authorization", b"Bearer t")]
    scope = {"method": "POST", "path": path, "query_string": query, "headers": headers}
    await app(scope, receive, send)
    return sent


async def test_the_shell_hands_over_the_whole_request():
    """Chunks are joined, query and headers decoded, the length declared."""
    seen = []

    async def handle(request):
        seen.append(request)
        return reply({})

    start, body = await call(App(handle, 100), b"ab", b"cd")
    [request] = seen
    assert (request.body, request.query) == (b"abcd", {"a": "1", "b": "ü"})
    assert request.headers == {"authorization": "Bearer t"}
    assert (b"content-length", b"2") in start["headers"]
    assert body["body"] == b"{}"


async def test_a_body_over_the_limit_is_refused_unread():
    """413, and no more is read than it takes to know."""
    start, body = await call(App(show, 3), b"ab", b"cd", b"never read")
    assert start["status"] == 413
    assert json.loads(body["body"])["error"]["code"] == "too_large"


async def test_a_body_that_says_it_is_too_large_is_not_read_at_all():
    """The head is enough, and the connection ends: what follows is no request."""
    app = App(show, 3)
    scope = {"headers": [(b"content-length", b"4")]}
    sent = []

    async def receive():
        pytest.fail("read")

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 413
    assert (b"connection", b"close") in sent[0]["headers"]


async def test_a_body_in_one_piece_is_measured_too():
    """The last piece counts as the others do."""
    start, _ = await call(App(show, 3), b"abcd")
    assert start["status"] == 413


async def test_a_client_that_leaves_early_is_not_answered():
    """There is nobody to answer."""
    assert await call(App(show, 3)) == []


@pytest.mark.parametrize("text", ["-1", "1.5", "٣", "1e3", "0" * 5000 + "1", "0" * 20 + "9" * 20])
def test_a_number_is_a_number(text):
    """Nothing that Python's int would take in its own way, and no more digits than there can be."""
    with pytest.raises(ApiError):
        Request("GET", "/", query={"after": text}).number("after", 0, 10**15)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff\xfe", b'{"a":' * 20_000, b'{"name": "\xff"}']
)
def test_a_body_that_is_no_json_of_ours_is_a_bad_request(body):
    """Truncated, not UTF-8, nested without end: a typed error."""
    with pytest.raises(ApiError) as raised:
        Request("POST", "/", body).json(Named)
    assert raised.value.code == "bad_request"
