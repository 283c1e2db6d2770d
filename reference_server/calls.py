"""Calls from one service to another: in the process if it is here, else by HTTP with fail-over."""

import asyncio
import time
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
import yarl

from reference_server.asgi import Handler, Request, Response
from reference_server.config import Urls
from reference_server.errors import ApiError

INTERNAL_HEADER = "x-internal"
USER_HEADER = "x-user"
DEVICE_HEADER = "x-device"

CONNECT_TIMEOUT_S = 0.5
# Below the server's own, so that it never closes a connection on which we are about to ask.
KEEP_ALIVE_S = 15
# How long an instance that could not be reached is asked last.
AVOID_S = 1.0

_UNREACHED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
T = TypeVar("T")


class _ErrorDetail(msgspec.Struct):
    code: str
    message: str
    stored: str = "unknown"


class _ErrorBody(msgspec.Struct):
    error: _ErrorDetail


class Calls:
    """Reaches every service; `local` holds those of this process."""

    def __init__(self, urls: Urls, internal_token: str, timeout_ms: int) -> None:
        self.local: dict[str, Handler] = {}
        self._urls = urls
        self._token = internal_token
        self._timeout_s = timeout_ms / 1000
        self._turn = 0
        self._avoid_until: dict[str, float] = {}
        self._session: aiohttp.ClientSession | None = None

    async def call(self, service: str, request: Request) -> Response:
        """The service's answer, errors too. ApiError `unavailable` or `timeout` if there is none.

        Another instance is tried when one cannot be reached, and for reads also when it fails in
        between. A write that may have arrived is `stored: "unknown"`.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                if service in self.local:
                    return await self.local[service](request)
                return await self._remote(service, request)
        except TimeoutError as error:
            raise ApiError(
                "timeout", f"{service} took too long", stored=_stored(request)
            ) from error

    async def ask(
        self, service: str, method: str, path: str, kind: type[T], body: Any = None, **query: Any
    ) -> T:
        """The decoded body of a success; ApiError for everything else."""
        payload = b"" if body is None else msgspec.json.encode(body)
        named = {name: str(value) for name, value in query.items()}
        response = await self.call(service, Request(method, path, payload, named))
        if response.status < 300:
            return msgspec.json.decode(response.body, type=kind)
        detail = msgspec.json.decode(response.body, type=_ErrorBody).error
        raise ApiError(detail.code, detail.message, stored=detail.stored)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _remote(self, service: str, request: Request) -> Response:
        for base in self._in_turn(service):
            try:
                return await self._send(base, request)
            except _UNREACHED:
                self._avoid_until[base] = time.monotonic() + AVOID_S
            except aiohttp.ClientError as error:
                if request.method != "GET":
                    message = f"{service} failed in between"
                    raise ApiError("unavailable", message, stored="unknown") from error
        raise ApiError("unavailable", f"{service} is unavailable")

    def _in_turn(self, service: str) -> list[str]:
        """All instances, the next one first, those lately unreachable last."""
        urls = self._urls.of(service)
        self._turn += 1
        start = self._turn % len(urls) if urls else 0
        now = time.monotonic()
        rotated = [*urls[start:], *urls[:start]]
        return sorted(rotated, key=lambda base: self._avoid_until.get(base, 0.0) > now)

    async def _send(self, base: str, request: Request) -> Response:
        url = f"{base}{quote(request.path)}?{urlencode(request.query)}"
        headers = {
            INTERNAL_HEADER: self._token,
            USER_HEADER: request.user,
            DEVICE_HEADER: request.device,
        }
        async with self._open_session().request(
            request.method, yarl.URL(url, encoded=True), data=request.body, headers=headers
        ) as answer:
            kept = {"retry-after": answer.headers.get("retry-after", "")}
            body = await answer.read()
            return Response(
                answer.status, body, {name: text for name, text in kept.items() if text}
            )

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
            )
        return self._session


def _stored(request: Request) -> str:
    return "no" if request.method == "GET" else "unknown"
