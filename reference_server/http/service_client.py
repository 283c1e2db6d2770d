"""Calls from one service to another: in the process if it is here, else by HTTP with fail-over."""

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
BUNDLE = "/internal/messages"
SMALL_BYTES = 1_200  # of a send that may go with others
NAMES_BYTES_MAX = 200  # of user, device and what is around them
# Below the server's own, so that it never closes a connection on which we are about to ask.
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
    """Reaches every service; `local` holds those of this process."""

    def __init__(
        self, urls: Urls, internal_token: str, timeout_ms: int, body_bytes_max: int = 65_536
    ) -> None:
        self.local: dict[str, Handler] = {}
        self._urls = urls
        self._token = internal_token
        self._timeout_s = timeout_ms / 1000
        self._bundle_max = max(1, body_bytes_max // SMALL_BYTES)
        self._turn = 0
        self._sends: list[tuple[Request, asyncio.Future[Response]]] = []
        self._bundles: set[asyncio.Task[None]] = set()
        self._breakers: defaultdict[str, CircuitBreaker] = defaultdict(CircuitBreaker)
        self._session: aiohttp.ClientSession | None = None

    async def call(self, service: str, request: Request) -> Response:
        """The service's answer, errors too. ApiError `unavailable` or `timeout` if there is none.

        Another instance is tried when one cannot be reached. For what may be repeated (reads, and
        sends by their identity) also when it fails in between or is silent for a third of the
        time. Instances that do not answer are left alone for a while: see `CircuitBreaker`.
        """
        if local := self.local.get(service):
            # No time limit: all that a service here waits for (a database, a call) has its own.
            return await local(request)
        response, is_repeat = await self._remote(service, request)
        return _doubtful(response, _stored(request)) if is_repeat else response

    async def send(self, request: Request) -> Response:
        """A send's answer, as `call` has it. Small ones of one turn of the loop go as one call.

        None waits for another: those of the next turn go with the next.
        """
        bytes_max = len(request.body) + 4 * len(request.path) + NAMES_BYTES_MAX
        if "message" in self.local or bytes_max > SMALL_BYTES or request.query:
            return await self.call("message", request)
        loop = asyncio.get_running_loop()
        if not self._sends:
            loop.call_soon(self._send_all)
        answer: asyncio.Future[Response] = loop.create_future()
        self._sends.append((request, answer))
        return await answer

    async def request(
        self, service: str, method: str, path: str, kind: type[T], body: Any = None, **query: Any
    ) -> T:
        """The decoded body of a success; ApiError for everything else."""
        payload = b"" if body is None else msgspec.json.encode(body)
        named = {name: str(value) for name, value in query.items()}
        response = await self.call(service, Request(method, path, payload, named))
        return msgspec.json.decode(_success(response).body, type=kind)

    def is_open(self, service: str) -> bool:
        """Whether no instance of the service has answered lately, so that calls are refused."""
        urls = () if service in self.local else self._urls.of(service)
        return bool(urls) and all(self._breakers[base].is_open for base in urls)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _send_all(self) -> None:
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
                answers = [await self.call("message", requests[0])]
            else:
                whole = Request("POST", BUNDLE, _pack(requests))
                response, is_repeat = await self._remote("message", whole)
                answers = _unpack(_success(response).body)
                if is_repeat:
                    answers = [_doubtful(each) for each in answers]
        except Exception as error:  # noqa: BLE001 - an ApiError, or a defect: each sender's own
            for _, answer in sends:
                answer.set_exception(error)
        else:
            for (_, answer), each in zip(sends, answers, strict=True):
                answer.set_result(each)

    async def _remote(self, service: str, request: Request) -> tuple[Response, bool]:
        """An answer, and whether the call had arrived elsewhere before: it may be done."""
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
                return response, arrived
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
            messages.INTERNAL_HEADER: self._token,
            messages.USER_HEADER: request.user,
            messages.DEVICE_HEADER: request.device,
        }
        async with self._open_session().request(
            request.method, yarl.URL(url, encoded=True), data=request.body, headers=headers
        ) as answer:
            kept = {n: answer.headers[n] for n in ("retry-after",) if n in answer.headers}
            return Response(answer.status, await answer.read(), kept)

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


def _success(response: Response) -> Response:
    if response.status < 300:
        return response
    detail = msgspec.json.decode(response.body, type=_ErrorBody).error
    raise ApiError(detail.code, detail.message, stored=detail.stored)


def _doubtful(response: Response, stored: str = "unknown") -> Response:
    """This one refused; whoever did not answer before may yet have done it."""
    try:
        return _success(response)
    except ApiError as error:
        return messages.failure(ApiError(error.code, error.message, stored=stored))
