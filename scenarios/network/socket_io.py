"""Carries out what sessions decide, on real sockets (`gauntlet.scenarios.client.context.Port`)."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from gauntlet.core.clock import NS_PER_S
from gauntlet.scenarios.adapters.base import Call, OverHttp, ProtocolError, Request, Response
from gauntlet.scenarios.client.connection import Link
from gauntlet.scenarios.client.requests import Access
from gauntlet.scenarios.metrics.connect_diagnosis import describe_error
from gauntlet.scenarios.network.http_client import Http
from gauntlet.scenarios.network.source_addresses import Sources
from gauntlet.scenarios.network.websocket import Gate, Socket, TransportError, dial, host_of

_ASK_S = 5.0
_ASK_PAUSE_S = 0.25
_REFUSED = 1006
T = TypeVar("T")


class SocketPort:
    """The sockets of all sessions of a worker; `gateways` as clients reach them."""

    def __init__(
        self,
        gate: Gate,
        gateways: list[str],
        subprotocol: str,
        on_failure: Callable[[BaseException], None],
        on_trouble: Callable[[str], None] = lambda _: None,
        sources: Sources | None = None,
    ) -> None:
        self._gate = gate
        self._http = Http(gate)
        self._gateways = gateways
        self._subprotocol = subprotocol
        self._on_failure = on_failure
        self._on_trouble = on_trouble
        self._sources = sources
        self._sockets: dict[Link, Socket] = {}
        self._dials: dict[Link, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def request(
        self,
        gateway: int,
        request: Request,
        timeout_ns: int,
        answered: Callable[[Response | None], None],
    ) -> None:
        def read(outcome: Response | TransportError) -> None:
            try:
                if isinstance(outcome, TransportError):
                    self._on_trouble(describe_error(outcome))
                    answered(None)
                    return
                if outcome.status >= 400:
                    self._on_trouble(f"HTTP {outcome.status}")
                answered(outcome)
            except Exception as error:  # noqa: BLE001 - of ours: it ends the engine
                self._on_failure(error)

        base_url = self._gateways[gateway % len(self._gateways)]
        self._http.exchange(base_url, request, timeout_ns / NS_PER_S, read)

    async def ask(self, gateway: int, request: Request, within_s: float) -> Response | None:
        """The first answer that is not a temporary failure, from any gateway; None without one."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + within_s
        response = None
        while loop.time() < until_s:
            try:
                base_url = self._gateways[gateway % len(self._gateways)]
                response = await self._http.request(base_url, request, _ASK_S)
                if response.status < 429:
                    return response
            except TransportError:
                pass  # the next gateway may answer
            gateway += 1
            await asyncio.sleep(_ASK_PAUSE_S)
        return response

    def dial(self, link: Link, url: str) -> None:
        self._dials[link] = self.spawn(self._dial(link, url))

    async def _dial(self, link: Link, url: str) -> None:
        session = link.session
        socket = Socket(partial(self._heard, link), partial(self._closed, link))
        try:
            await dial(self._gate, url, self._subprotocol, socket, self._sources)
        except TransportError as error:
            self._on_trouble(describe_error(error))
            self._closed(link, _REFUSED)
            return
        finally:
            self._dials.pop(link, None)
        if link.ended:
            socket.abort()
        else:
            self._sockets[link] = socket
            session.on_open(link)

    def _heard(self, link: Link, frame: bytes) -> None:
        try:
            link.session.on_frame(link, frame)
        except Exception as error:  # noqa: BLE001 - of ours: it ends the engine
            self._on_failure(error)

    def _closed(self, link: Link, code: int) -> None:
        if self._sockets.pop(link, None) is not None and not link.number:
            self._on_trouble(f"closed with {code} before it said `connected`")
        link.session.on_closed(link, code)

    def send(self, link: Link, frame: bytes) -> None:
        socket = self._sockets.get(link)
        if socket is not None:
            socket.send(frame)

    def read(self, link: Link, *, on: bool) -> None:
        socket = self._sockets.get(link)
        if socket is not None:
            socket.read(on=on)

    def close(self, link: Link, *, abort: bool = False) -> None:
        dialling = self._dials.pop(link, None)
        if dialling is not None:
            dialling.cancel()
        socket = self._sockets.pop(link, None)
        if socket is not None:
            (socket.abort if abort else socket.close)()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work beside everything else; an error in it ends the engine."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(error)

    async def shut(self) -> None:
        """Cancel what is under way and close every socket."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in list(self._sockets.values()):
            socket.abort()
        self._sockets.clear()
        self._http.close()


async def ask(port: SocketPort, access: Access, gateway: int, call: Call[T], within_s: float) -> T:
    """The value of a call, however it is made; ProtocolError without one in time."""
    if isinstance(call, OverHttp):
        response = await port.ask(gateway, call.request, within_s)
        if response is None:
            raise ProtocolError("no answer")
        value: T | None = call.read(response)
    else:
        value = await _answer(access, call, within_s)
    if value is None:
        raise ProtocolError("no answer, or a refusal")
    return value


async def _answer(access: Access, call: Call[T], within_s: float) -> T | None:
    answer: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()

    def end(value: T | None) -> None:
        if not answer.done():  # cancelled: nobody waits any more
            answer.set_result(value)

    access.call(call, int(within_s * NS_PER_S), end)
    return await answer


async def check_addresses(gate: Gate, urls: list[str]) -> None:
    """ConfigError where load would go to a host that the scenario does not allow."""
    for url in urls:
        await gate.resolve(host_of(url))
