"""HTTP without a framework: requests and responses as values. Pure.

A handler takes a `Request` and returns a `Response` or raises `ApiError`. Because both are plain
values, the gateway can call a service of the same process without a socket.
"""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec

from gauntlet.reference_server.core.errors import ApiError

INTERNAL_HEADER = "x-internal"
USER_HEADER = "x-user"
DEVICE_HEADER = "x-device"
HEADERS = ("authorization", INTERNAL_HEADER, USER_HEADER, DEVICE_HEADER)

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
