"""Calls from one service to another: in the process if it is here, else by HTTP with fail-over."""

import asyncio
import logging
from collections import defaultdict
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
import yarl

from reference_server import http
from reference_server.breaker import Breaker
from reference_server.config import Urls
from reference_server.errors import ApiError
from reference_server.http import Handler, Request, Response

CONNECT_TIMEOUT_S = 0.5
# Below the server's own, so that it never closes a connection on which we are about to ask.
KEEP_ALIVE_S = 15

_UNREACHED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
T = TypeVar("T")

log = logging.getLogger(__name__)


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
        self._breakers: defaultdict[str, Breaker] = defaultdict(Breaker)
        self._session: aiohttp.ClientSession | None = None

    async def call(self, service: str, request: Request) -> Response:
        """The service's answer, errors too. ApiError `unavailable` or `timeout` if there is none.

        Another instance is tried when one cannot be reached. For what may be repeated (reads, and
        sends by their identity) also when it fails in between or is silent for a third of the
        time. Instances that do not answer are left alone for a while: see `Breaker`.
        """
        local = self.local.get(service)
        if local is None:
            return await self._remote(service, request)
        # No time limit: all that a service here waits for (a database, a call) has one of its own.
        return await local(request)

    async def ask(
        self, service: str, method: str, path: str, kind: type[T], body: Any = None, **query: Any
    ) -> T:
        """The decoded body of a success; ApiError for everything else."""
        payload = b"" if body is None else msgspec.json.encode(body)
        named = {name: str(value) for name, value in query.items()}
        response = await self.call(service, Request(method, path, payload, named))
        if response.status < 300:
            return msgspec.json.decode(response.body, type=kind)
        raise _error_in(response)

    def is_open(self, service: str) -> bool:
        """Whether no instance of the service has answered lately, so that calls are refused."""
        urls = () if service in self.local else self._urls.of(service)
        return bool(urls) and all(self._breakers[base].is_open for base in urls)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _remote(self, service: str, request: Request) -> Response:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout_s
        arrived = False
        bases = self._in_turn(service)
        for left, base in zip(reversed(range(len(bases))), bases, strict=True):
            breaker = self._breakers[base]
            if not breaker.allows(loop.time()):
                continue
            elsewhere = left > 0 and _may_be_repeated(request)
            try:
                response = await self._try(base, request, deadline, hurry=elsewhere)
            except (TimeoutError, aiohttp.ClientError) as error:
                if breaker.failed(loop.time()):
                    log.warning("%s at %s does not answer", service, base)
                if isinstance(error, _UNREACHED):
                    continue
                arrived = True
                if not elsewhere or loop.time() >= deadline:
                    break
            else:
                if breaker.answered(loop.time()):
                    log.warning("%s at %s answers again", service, base)
                if arrived and response.status >= 300:
                    # This one refused; whoever did not answer may yet have done it.
                    raise _error_in(response, _stored(request))
                return response
        raise _no_answer(service, request, timed_out=loop.time() >= deadline, arrived=arrived)

    async def _try(self, base: str, request: Request, deadline: float, *, hurry: bool) -> Response:
        """One instance's answer; TimeoutError at the deadline, in a hurry if it seems dead."""
        loop = asyncio.get_running_loop()
        began = loop.time()

        def give_up() -> None:
            # Not if it is only slow: asking elsewhere too would add to the load.
            if self._breakers[base].silent_since(began):
                limit.reschedule(began)

        async with asyncio.timeout_at(deadline) as limit:
            timer = loop.call_later(self._timeout_s / 3, give_up) if hurry else None
            try:
                return await self._send(base, request)
            finally:
                if timer is not None:
                    timer.cancel()

    def _in_turn(self, service: str) -> list[str]:
        """All instances, the next one first."""
        urls = self._urls.of(service)
        self._turn += 1
        start = self._turn % len(urls) if urls else 0
        return [*urls[start:], *urls[:start]]

    async def _send(self, base: str, request: Request) -> Response:
        url = f"{base}{quote(request.path)}?{urlencode(request.query)}"
        headers = {
            http.INTERNAL_HEADER: self._token,
            http.USER_HEADER: request.user,
            http.DEVICE_HEADER: request.device,
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


def _may_be_repeated(request: Request) -> bool:
    """Reads, and sends: whichever try comes second finds the first one's `client_msg_id`."""
    if request.method == "POST":
        return request.path.endswith("/messages")
    return request.method == "GET"


def _stored(request: Request) -> str:
    """What may be left of a call that arrived, or may have."""
    return "no" if request.method == "GET" else "unknown"


def _no_answer(service: str, request: Request, *, timed_out: bool, arrived: bool) -> ApiError:
    stored = _stored(request) if arrived else "no"
    if timed_out:
        return ApiError("timeout", f"{service} took too long", stored=stored)
    return ApiError("unavailable", f"{service} is unavailable", stored=stored)


def _error_in(response: Response, stored: str | None = None) -> ApiError:
    detail = msgspec.json.decode(response.body, type=_ErrorBody).error
    return ApiError(detail.code, detail.message, stored=stored or detail.stored)
