"""HTTP without a framework: requests and answers as values, and a router. Pure.

A handler takes a `Request` and returns a `Response` or raises `ApiError`. Because both are plain
values, the gateway calls a service beside it without going through a socket.
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

# Paths whose handler is remembered, and how long these may be.
ROUTES_KEPT = 8192
_PATH_CHARS_KEPT = 200

log = logging.getLogger(__name__)

T = TypeVar("T")
Params = Mapping[str, str]


class Request(msgspec.Struct, gc=False, array_like=True):
    """One call; `path` is unquoted, of its headers those that somebody reads.

    `user` and `device` are who the gateway found the caller to be, else empty. Whom a request
    passes on its way fills in what he knows: `params` is the router's.
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
        """The body as a value of `kind`; ApiError bad_request if it is none."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ApiError("bad_request", f"body: {error}") from error

    def number(self, name: str, default: int, maximum: int) -> int:
        """A query parameter of `0..maximum`; ApiError bad_request for anything else."""
        text = self.query.get(name, str(default))
        if not (text.isascii() and text.isdecimal() and len(text) < 20) or int(text) > maximum:
            raise ApiError("bad_request", f"{name} must be a number from 0 to {maximum}")
        return int(text)


class Response(msgspec.Struct, frozen=True, array_like=True):
    """What is answered: a body of JSON, unless `headers` say otherwise."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}

    def encoded(self, *, with_body: bool, closes: bool) -> bytes:
        """The answer as it is written; `closes` says that it is the connection's last."""
        head = _HEADS[self.status] if not self.headers else _head(self.status, self.headers)
        last = b"connection: close\r\n" if closes else b""
        body = self.body if with_body else b""
        return b"%b%bcontent-length: %d\r\n\r\n%b" % (head, last, len(self.body), body)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    named = {"content-type": "application/json", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{lines}".encode()


_HEADS = {int(status): _head(status, {}) for status in HTTPStatus}
_encode = msgspec.json.Encoder().encode

Handler = Callable[[Request], Awaitable[Response]]


def reply(value: Any, status: int = 200) -> Response:
    """An answer that carries a value as JSON."""
    return Response(status, _encode(value))


def failure(error: ApiError) -> Response:
    """An answer that carries an error in the protocol's form."""
    return Response(error.status, error.body(), error.headers())


class Router:
    """Which handler answers a method and a path; patterns hold `{name}` for one path segment."""

    def __init__(self, routes: Mapping[tuple[str, str], Handler]) -> None:
        self.routes = dict(routes)
        self._by_shape: dict[tuple[str, int], list[tuple[list[str], Handler]]] = {}
        for (method, pattern), handler in routes.items():
            parts = pattern.split("/")
            self._by_shape.setdefault((method, len(parts)), []).append((parts, handler))
        # People write to the same conversations again and again.
        self._remembered = lru_cache(ROUTES_KEPT)(self._find)

    @classmethod
    def joined(cls, routers: Iterable["Router"]) -> "Router":
        """One router for the routes of several."""
        return cls({key: handler for router in routers for key, handler in router.routes.items()})

    async def handle(self, request: Request) -> Response:
        """The answer to a request; errors are answers too."""
        find = self._remembered if len(request.path) <= _PATH_CHARS_KEPT else self._find
        handler, request.params = find(request.method, request.path)
        return await answer(handler, request)

    def _find(self, method: str, path: str) -> tuple[Handler, Params]:
        parts = path.split("/")
        for pattern, handler in self._by_shape.get((method, len(parts)), ()):
            params = _match(pattern, parts)
            if params is not None:
                return handler, params
        return _no_such_call, {}


async def _no_such_call(request: Request) -> Response:
    raise ApiError("not_found", f"no such call: {request.method} {request.path}")


async def answer(handler: Handler, request: Request) -> Response:
    """What the handler answers; what it raises becomes an error in the protocol's form."""
    try:
        return await handler(request)
    except ApiError as error:
        return failure(error)
    except Exception:
        # A defect: nobody knows how far the request came, so its outcome is unknown.
        log.exception("%s %s failed", request.method, request.path)
        stored = "no" if request.method == "GET" else "unknown"
        return failure(ApiError("internal", "internal error", stored=stored))


def _match(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    params: dict[str, str] = {}
    for want, got in zip(pattern, parts, strict=True):
        if want.startswith("{"):
            params[want[1:-1]] = got
        elif want != got:
            return None
    return params
