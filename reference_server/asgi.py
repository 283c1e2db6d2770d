"""HTTP without a framework: requests and answers as values, a router, and the ASGI shell.

A handler takes a `Request` and returns a `Response` or raises `ApiError`. Because both are plain
values, the gateway calls a service beside it without going through a socket.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from reference_server.errors import ApiError

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
T = TypeVar("T")


class Request(msgspec.Struct, frozen=True):
    """One call; `path` is unquoted.

    `user` and `device` are who the gateway found the caller to be, else empty.
    """

    method: str
    path: str
    body: bytes = b""
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    user: str = ""
    device: str = ""
    params: Mapping[str, str] = {}

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


class Response(msgspec.Struct, frozen=True):
    """What is answered: a body of JSON, unless `headers` say otherwise."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}


Handler = Callable[[Request], Awaitable[Response]]


def reply(value: Any, status: int = 200) -> Response:
    """An answer that carries a value as JSON."""
    return Response(status, msgspec.json.encode(value))


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

    @classmethod
    def joined(cls, routers: Iterable["Router"]) -> "Router":
        """One router for the routes of several."""
        return cls({key: handler for router in routers for key, handler in router.routes.items()})

    async def handle(self, request: Request) -> Response:
        """The answer to a request; errors are answers too."""
        parts = request.path.split("/")
        for pattern, handler in self._by_shape.get((request.method, len(parts)), ()):
            params = _match(pattern, parts)
            if params is not None:
                return await answer(handler, msgspec.structs.replace(request, params=params))
        return failure(ApiError("not_found", f"no such call: {request.method} {request.path}"))


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


class App:
    """The ASGI shell of a handler, with a limit for bodies."""

    def __init__(self, handle: Handler, body_bytes_max: int) -> None:
        self._handle = handle
        self._body_bytes_max = body_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self._body(scope, receive)
            if body is None:
                return
            response = await self._handle(_request(scope, body))
        except ApiError as error:  # only a body that is too large, and is not read on
            response = Response(error.status, error.body(), {"connection": "close"})
        raw = [(b"content-length", b"%d" % len(response.body))]
        raw += [(name.encode(), value.encode()) for name, value in response.headers.items()]
        if "content-type" not in response.headers:
            raw.append((b"content-type", b"application/json"))
        await send({"type": "http.response.start", "status": response.status, "headers": raw})
        await send({"type": "http.response.body", "body": response.body})

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The body; None if the client left before its end.

        ApiError too_large as soon as that is known: from what the head tells, if it does.
        """
        told = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        body: bytes = b""
        size = int(told)
        while size <= self._body_bytes_max:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            size = len(body)
            if size <= self._body_bytes_max and not message.get("more_body", False):
                return body
        raise ApiError("too_large", f"the body may have at most {self._body_bytes_max} bytes")


def _request(scope: Scope, body: bytes) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"]
    return Request(
        method=scope["method"],
        path=scope["path"],
        body=body,
        query=dict(parse_qsl(query.decode("latin-1"))) if query else {},
        headers=headers,
    )


def _match(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    params: dict[str, str] = {}
    for want, got in zip(pattern, parts, strict=True):
        if want.startswith("{"):
            params[want[1:-1]] = got
        elif want != got:
            return None
    return params
