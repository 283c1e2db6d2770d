"""The transport of sessions on real sockets (`gauntlet.scenarios.client.context.Transport`)."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from gauntlet.core.clock import NS_PER_S
from gauntlet.scenarios.adapters.base import Call, OverHttp, ProtocolError, Request, Response
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.requests import RequestChannel
from gauntlet.scenarios.metrics.connect_diagnosis import describe_error
from gauntlet.scenarios.network.http_client import HttpClient
from gauntlet.scenarios.network.source_addresses import SourceAddresses
from gauntlet.scenarios.network.websocket import (
    AllowedHosts,
    TransportError,
    WebSocket,
    dial,
    host_of,
)

_ASK_S = 5.0
_ASK_PAUSE_S = 0.25
_REFUSED = 1006
T = TypeVar("T")


class SocketTransport:
    """The sockets of all sessions of a worker; `gateways` as clients reach them."""

    def __init__(
        self,
        gate: AllowedHosts,
        gateways: list[str],
        subprotocol: str,
        on_failure: Callable[[BaseException], None],
        on_trouble: Callable[[str], None] = lambda _: None,
        sources: SourceAddresses | None = None,
    ) -> None:
        self._gate = gate
        self._http = HttpClient(gate)
        self._gateways = gateways
        self._subprotocol = subprotocol
        self._on_failure = on_failure
        self._on_trouble = on_trouble
        self._sources = sources
        self._sockets: dict[Connection, WebSocket] = {}
        self._dials: dict[Connection, asyncio.Task[None]] = {}
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

    def dial(self, connection: Connection, url: str) -> None:
        self._dials[connection] = self.spawn(self._dial(connection, url))

    async def _dial(self, connection: Connection, url: str) -> None:
        session = connection.session
        socket = WebSocket(partial(self._heard, connection), partial(self._closed, connection))
        try:
            await dial(self._gate, url, self._subprotocol, socket, self._sources)
        except TransportError as error:
            self._on_trouble(describe_error(error))
            self._closed(connection, _REFUSED)
            return
        finally:
            self._dials.pop(connection, None)
        if connection.ended:
            socket.abort()
        else:
            self._sockets[connection] = socket
            session.on_open(connection)

    def _heard(self, connection: Connection, frame: bytes) -> None:
        try:
            connection.session.on_frame(connection, frame)
        except Exception as error:  # noqa: BLE001 - of ours: it ends the engine
            self._on_failure(error)

    def _closed(self, connection: Connection, code: int) -> None:
        if self._sockets.pop(connection, None) is not None and not connection.number:
            self._on_trouble(f"closed with {code} before it said `connected`")
        connection.session.on_closed(connection, code)

    def send(self, connection: Connection, frame: bytes) -> None:
        socket = self._sockets.get(connection)
        if socket is not None:
            socket.send(frame)

    def read(self, connection: Connection, *, on: bool) -> None:
        socket = self._sockets.get(connection)
        if socket is not None:
            socket.read(on=on)

    def close(self, connection: Connection, *, abort: bool = False) -> None:
        dialling = self._dials.pop(connection, None)
        if dialling is not None:
            dialling.cancel()
        socket = self._sockets.pop(connection, None)
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


async def ask(
    port: SocketTransport,
    request_channel: RequestChannel,
    gateway: int,
    call: Call[T],
    within_s: float,
) -> T:
    """The value of a call, however it is made; ProtocolError without one in time."""
    if isinstance(call, OverHttp):
        response = await port.ask(gateway, call.request, within_s)
        if response is None:
            raise ProtocolError("no answer")
        value: T | None = call.read(response)
    else:
        value = await _answer(request_channel, call, within_s)
    if value is None:
        raise ProtocolError("no answer, or a refusal")
    return value


async def _answer(request_channel: RequestChannel, call: Call[T], within_s: float) -> T | None:
    answer: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()

    def end(value: T | None) -> None:
        if not answer.done():  # cancelled: nobody waits any more
            answer.set_result(value)

    request_channel.call(call, int(within_s * NS_PER_S), end)
    return await answer


async def check_addresses(gate: AllowedHosts, urls: list[str]) -> None:
    """ConfigError where load would go to a host that the scenario does not allow."""
    for url in urls:
        await gate.resolve(host_of(url))
