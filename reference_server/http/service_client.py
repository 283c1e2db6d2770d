"""Calls from one service to another: directly within the process, or over HTTP with fail-over."""

import asyncio
import logging
from collections import defaultdict
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
import yarl

from gauntlet.reference_server.core.config import Urls
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.http import messages
from gauntlet.reference_server.http.circuit_breaker import CircuitBreaker
from gauntlet.reference_server.http.messages import Handler, Request, Response

CONNECT_TIMEOUT_S = 0.5
BUNDLE_PATH = "/internal/messages"
BUNDLED_SEND_BYTES_MAX = 1_200  # larger sends are not bundled
NAMES_BYTES_MAX = 200  # of a bundled send: user, device and the encoding around them
# Shorter than the server's, so that the server never closes a connection that is about to be used.
KEEP_ALIVE_S = 15

_UNREACHED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[Response]).decode
T = TypeVar("T")

log = logging.getLogger(__name__)


class _ErrorDetail(msgspec.Struct):
    code: str
    message: str
    stored: str = "unknown"


class _ErrorBody(msgspec.Struct):
    error: _ErrorDetail


class ServiceClient:
    """Calls any service; `local` holds the handlers of the services in this process."""

    def __init__(
        self, urls: Urls, internal_token: str, timeout_ms: int, body_bytes_max: int = 65_536
    ) -> None:
        self.local: dict[str, Handler] = {}
        self._urls = urls
        self._token = internal_token
        self._timeout_s = timeout_ms / 1000
        self._bundle_max = max(1, body_bytes_max // BUNDLED_SEND_BYTES_MAX)
        self._round_robin = 0
        self._sends: list[tuple[Request, asyncio.Future[Response]]] = []
        self._bundles: set[asyncio.Task[None]] = set()
        self._breakers: defaultdict[str, CircuitBreaker] = defaultdict(CircuitBreaker)
        self._session: aiohttp.ClientSession | None = None

    async def call(self, service: str, request: Request) -> Response:
        """Return the service's response, which may be an error response.

        Raises ApiError `unavailable` or `timeout` if no instance answers. If an instance cannot be
        reached, the next one is tried. Requests that may be repeated (reads, and sends because of
        their identity) are also tried elsewhere if an instance fails during the call or answers
        no call for a third of the time limit. See `CircuitBreaker` for instances that do not
        answer.
        """
        if local := self.local.get(service):
            # No time limit: everything that a local service waits for has one of its own.
            return await local(request)
        response, is_repeat = await self._call_remote(service, request)
        if is_repeat:
            return _with_stored(response, _stored_after_failure(request))
        return response

    async def send(self, request: Request) -> Response:
        """Return the response to a send, as `call` does.

        Small sends of the same iteration of the event loop travel in one call. No send waits for
        a later one.
        """
        bytes_max = len(request.body) + 4 * len(request.path) + NAMES_BYTES_MAX
        if "message" in self.local or bytes_max > BUNDLED_SEND_BYTES_MAX or request.query:
            return await self.call("message", request)
        loop = asyncio.get_running_loop()
        if not self._sends:
            loop.call_soon(self._send_bundles)
        response: asyncio.Future[Response] = loop.create_future()
        self._sends.append((request, response))
        return await response

    async def request(
        self, service: str, method: str, path: str, kind: type[T], body: Any = None, **query: Any
    ) -> T:
        """Return the decoded body of a successful response; ApiError for everything else."""
        payload = b"" if body is None else msgspec.json.encode(body)
        params = {name: str(value) for name, value in query.items()}
        response = await self.call(service, Request(method, path, payload, params))
        return msgspec.json.decode(_require_success(response).body, type=kind)

    def is_open(self, service: str) -> bool:
        """Return whether calls are refused because no instance of the service answers."""
        urls = () if service in self.local else self._urls.of(service)
        return bool(urls) and all(self._breakers[base].is_open for base in urls)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def _send_bundles(self) -> None:
        for start in range(0, len(self._sends), self._bundle_max):
            sends = self._sends[start : start + self._bundle_max]
            task = asyncio.create_task(self._send_bundle(sends))
            self._bundles.add(task)
            task.add_done_callback(self._bundles.discard)
        self._sends = []

    async def _send_bundle(self, sends: list[tuple[Request, asyncio.Future[Response]]]) -> None:
        requests = [request for request, _ in sends]
        try:
            if len(sends) == 1:
                responses = [await self.call("message", requests[0])]
            else:
                bundle = Request("POST", BUNDLE_PATH, _pack(requests))
                response, is_repeat = await self._call_remote("message", bundle)
                responses = _unpack(_require_success(response).body)
                if is_repeat:
                    responses = [_with_stored(each) for each in responses]
        except Exception as error:  # noqa: BLE001 - an ApiError or a defect, raised for each sender
            for _, future in sends:
                future.set_exception(error)
        else:
            for (_, future), response in zip(sends, responses, strict=True):
                future.set_result(response)

    async def _call_remote(self, service: str, request: Request) -> tuple[Response, bool]:
        """Return a response, and whether an earlier instance may have carried out the call."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout_s
        arrived = False
        bases = self._instances(service)
        for remaining, base in zip(reversed(range(len(bases))), bases, strict=True):
            breaker = self._breakers[base]
            if not breaker.allows(loop.time()):
                continue
            may_retry = remaining > 0 and _may_be_repeated(request)
            try:
                response = await self._try_instance(
                    base, request, deadline, gives_up_early=may_retry
                )
            except (TimeoutError, aiohttp.ClientError) as error:
                if breaker.record_failure(loop.time()):
                    log.warning("%s at %s does not answer", service, base)
                if isinstance(error, _UNREACHED):
                    continue
                arrived = True
                if not may_retry or loop.time() >= deadline:
                    break
            else:
                if breaker.record_success(loop.time()):
                    log.warning("%s at %s answers again", service, base)
                return response, arrived
        raise _no_answer_error(service, request, timed_out=loop.time() >= deadline, arrived=arrived)

    async def _try_instance(
        self, base: str, request: Request, deadline: float, *, gives_up_early: bool
    ) -> Response:
        """Return one instance's response; TimeoutError at the deadline.

        With `gives_up_early` the time-out comes earlier if the instance answers no call at all.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()

        def give_up() -> None:
            # Not if it is merely slow: a second call elsewhere would add to the load.
            if self._breakers[base].is_silent_since(began):
                limit.reschedule(began)

        async with asyncio.timeout_at(deadline) as limit:
            timer = loop.call_later(self._timeout_s / 3, give_up) if gives_up_early else None
            try:
                return await self._send(base, request)
            finally:
                if timer is not None:
                    timer.cancel()

    def _instances(self, service: str) -> list[str]:
        """Return the URLs of all instances, starting with the next one in round-robin order."""
        urls = self._urls.of(service)
        self._round_robin += 1
        start = self._round_robin % len(urls) if urls else 0
        return [*urls[start:], *urls[:start]]

    async def _send(self, base: str, request: Request) -> Response:
        url = f"{base}{quote(request.path)}?{urlencode(request.query)}"
        headers = {
            messages.INTERNAL_HEADER: self._token,
            messages.USER_HEADER: request.user,
            messages.DEVICE_HEADER: request.device,
        }
        async with self._open_session().request(
            request.method, yarl.URL(url, encoded=True), data=request.body, headers=headers
        ) as response:
            retry_after = response.headers.get("retry-after")
            kept = {} if retry_after is None else {"retry-after": retry_after}
            return Response(response.status, await response.read(), kept)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
            )
        return self._session


def _may_be_repeated(request: Request) -> bool:
    """Return whether the request is a read or a send, which is deduplicated by its identity."""
    if request.method == "POST":
        return request.path.endswith("/messages")
    return request.method == "GET"


def _stored_after_failure(request: Request) -> str:
    """Return the `stored` field for a failed call that has arrived or may have arrived."""
    return "no" if request.method == "GET" else "unknown"


def _no_answer_error(service: str, request: Request, *, timed_out: bool, arrived: bool) -> ApiError:
    stored = _stored_after_failure(request) if arrived else "no"
    if timed_out:
        return ApiError("timeout", f"{service} took too long", stored=stored)
    return ApiError("unavailable", f"{service} is unavailable", stored=stored)


def _require_success(response: Response) -> Response:
    if response.status < 300:
        return response
    detail = msgspec.json.decode(response.body, type=_ErrorBody).error
    raise ApiError(detail.code, detail.message, stored=detail.stored)


def _with_stored(response: Response, stored: str = "unknown") -> Response:
    """Replace `stored` in an error response: an earlier instance may have carried out the call."""
    try:
        return _require_success(response)
    except ApiError as error:
        return messages.error_response(ApiError(error.code, error.message, stored=stored))
