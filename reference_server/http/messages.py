"""HTTP without a framework: requests and responses as values, and a router. Pure.

A handler takes a `Request` and returns a `Response` or raises `ApiError`. Because both are plain
values, the gateway can call a service of the same process without a socket.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec

from gauntlet.reference_server.core.errors import ApiError

INTERNAL_HEADER = "x-internal"
USER_HEADER = "x-user"
DEVICE_HEADER = "x-device"
HEADERS = ("authorization", INTERNAL_HEADER, USER_HEADER, DEVICE_HEADER)

# How many paths are cached with their handler, and how long such a path may be.
CACHED_ROUTES_MAX = 8192
_CACHED_PATH_CHARS_MAX = 200

log = logging.getLogger(__name__)

T = TypeVar("T")
Params = Mapping[str, str]


class Request(msgspec.Struct, gc=False, array_like=True):
    """One call; `path` is unquoted, and `headers` holds only the headers in `HEADERS`.

    The gateway sets `user` and `device` to the authenticated caller; they are empty otherwise. The
    router sets `params` to the values of the placeholders in the route's pattern.
    """

    method: str
    path: str
    body: bytes = b""
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    user: str = ""
    device: str = ""
    params: Params = {}

    def json(self, kind: type[T]) -> T:
        """Return the body decoded as `kind`; ApiError bad_request if that fails."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ApiError("bad_request", f"body: {error}") from error

    def query_number(self, name: str, default: int, maximum: int) -> int:
        """Return a query parameter of `0..maximum`; ApiError bad_request for anything else."""
        text = self.query.get(name, str(default))
        if not (text.isascii() and text.isdecimal() and len(text) < 20) or int(text) > maximum:
            raise ApiError("bad_request", f"{name} must be a number from 0 to {maximum}")
        return int(text)


class Response(msgspec.Struct, frozen=True, array_like=True):
    """The response to a call; the body is JSON unless `headers` set another content type."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}

    def encode(self, *, with_body: bool, closes: bool) -> bytes:
        """Return the bytes to write; with `closes` the client learns that no response follows."""
        head = _HEADS[self.status] if not self.headers else _head(self.status, self.headers)
        close = b"connection: close\r\n" if closes else b""
        body = self.body if with_body else b""
        return b"%b%bcontent-length: %d\r\n\r\n%b" % (head, close, len(self.body), body)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    fields = {"content-type": "application/json", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{lines}".encode()


_HEADS = {int(status): _head(status, {}) for status in HTTPStatus}
_encode = msgspec.json.Encoder().encode

Handler = Callable[[Request], Awaitable[Response]]


def reply(value: Any, status: int = 200) -> Response:
    """Return a response that carries a value as JSON."""
    return Response(status, _encode(value))


def error_response(error: ApiError) -> Response:
    """Return a response that carries an error in the protocol's format."""
    return Response(error.status, error.body(), error.headers())


class Router:
    """Finds the handler for a method and a path.

    In a pattern, `{name}` matches one path segment.
    """

    def __init__(self, routes: Mapping[tuple[str, str], Handler]) -> None:
        self.routes = dict(routes)
        self._by_shape: dict[tuple[str, int], list[tuple[list[str], Handler]]] = {}
        for (method, pattern), handler in routes.items():
            parts = pattern.split("/")
            self._by_shape.setdefault((method, len(parts)), []).append((parts, handler))
        # Most calls repeat the path of an earlier one.
        self._find_cached = lru_cache(CACHED_ROUTES_MAX)(self._find)

    @classmethod
    def merge(cls, routers: Iterable["Router"]) -> "Router":
        """Return one router with the routes of several."""
        return cls({key: handler for router in routers for key, handler in router.routes.items()})

    async def handle(self, request: Request) -> Response:
        """Return the response to a request; errors become responses too."""
        is_cached = len(request.path) <= _CACHED_PATH_CHARS_MAX
        find = self._find_cached if is_cached else self._find
        handler, request.params = find(request.method, request.path)
        return await respond(handler, request)

    def _find(self, method: str, path: str) -> tuple[Handler, Params]:
        parts = path.split("/")
        for pattern, handler in self._by_shape.get((method, len(parts)), ()):
            params = _match(pattern, parts)
            if params is not None:
                return handler, params
        return _unknown_call, {}


async def _unknown_call(request: Request) -> Response:
    raise ApiError("not_found", f"no such call: {request.method} {request.path}")


async def respond(handler: Handler, request: Request) -> Response:
    """Call a handler; what it raises becomes an error response in the protocol's format."""
    try:
        return await handler(request)
    except ApiError as error:
        return error_response(error)
    except Exception:
        # A defect: the handler may have failed after storing something.
        log.exception("%s %s failed", request.method, request.path)
        stored = "no" if request.method == "GET" else "unknown"
        return error_response(ApiError("internal", "internal error", stored=stored))


def _match(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    params: dict[str, str] = {}
    for expected, part in zip(pattern, parts, strict=True):
        if expected.startswith("{"):
            params[expected[1:-1]] = part
        elif expected != part:
            return None
    return params
