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

_REQUEST_TIMEOUT_S = 5.0
_RETRY_PAUSE_S = 0.25
_CLOSE_ABNORMAL = 1006
T = TypeVar("T")


class SocketTransport:
    """The sockets of all sessions of a worker.

    `gateways` are the base URLs for requests. `on_failure` receives errors of Gauntlet itself,
    which end the engine; `on_trouble` receives descriptions of failed requests and connections.
    """

    def __init__(
        self,
        allowed_hosts: AllowedHosts,
        gateways: list[str],
        subprotocol: str,
        on_failure: Callable[[BaseException], None],
        on_trouble: Callable[[str], None] = lambda _: None,
        sources: SourceAddresses | None = None,
    ) -> None:
        self._allowed_hosts = allowed_hosts
        self._http = HttpClient(allowed_hosts)
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
        on_response: Callable[[Response | None], None],
    ) -> None:
        def on_outcome(outcome: Response | TransportError) -> None:
            try:
                if isinstance(outcome, TransportError):
                    self._on_trouble(describe_error(outcome))
                    on_response(None)
                    return
                if outcome.status >= 400:
                    self._on_trouble(f"HTTP {outcome.status}")
                on_response(outcome)
            except Exception as error:  # noqa: BLE001 - an error of Gauntlet ends the engine
                self._on_failure(error)

        base_url = self._gateways[gateway % len(self._gateways)]
        self._http.exchange(base_url, request, timeout_ns / NS_PER_S, on_outcome)

    async def request_until_answered(
        self, gateway: int, request: Request, timeout_s: float
    ) -> Response | None:
        """Return the first response that is no temporary failure, from any gateway.

        If there is none in time, return the last response, or None.
        """
        loop = asyncio.get_running_loop()
        until_s = loop.time() + timeout_s
        response = None
        while loop.time() < until_s:
            try:
                base_url = self._gateways[gateway % len(self._gateways)]
                response = await self._http.request(base_url, request, _REQUEST_TIMEOUT_S)
                if response.status < 429:
                    return response
            except TransportError:
                pass  # the next gateway may answer
            gateway += 1
            await asyncio.sleep(_RETRY_PAUSE_S)
        return response

    def dial(self, connection: Connection, url: str) -> None:
        self._dials[connection] = self.spawn(self._dial(connection, url))

    async def _dial(self, connection: Connection, url: str) -> None:
        session = connection.session
        socket = WebSocket(
            partial(self._on_frame, connection), partial(self._on_closed, connection)
        )
        try:
            await dial(self._allowed_hosts, url, self._subprotocol, socket, self._sources)
        except TransportError as error:
            self._on_trouble(describe_error(error))
            self._on_closed(connection, _CLOSE_ABNORMAL)
            return
        finally:
            self._dials.pop(connection, None)
        if connection.ended:
            socket.abort()
        else:
            self._sockets[connection] = socket
            session.on_open(connection)

    def _on_frame(self, connection: Connection, frame: bytes) -> None:
        try:
            connection.session.on_frame(connection, frame)
        except Exception as error:  # noqa: BLE001 - an error of Gauntlet ends the engine
            self._on_failure(error)

    def _on_closed(self, connection: Connection, code: int) -> None:
        if self._sockets.pop(connection, None) is not None and not connection.number:
            self._on_trouble(f"closed with {code} before the server accepted the user")
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

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine as a task; an exception in it ends the engine."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)
        return task

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(error)

    async def shut(self) -> None:
        """Cancel all tasks and close every socket."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in list(self._sockets.values()):
            socket.abort()
        self._sockets.clear()
        self._http.close()


async def call_and_wait(
    transport: SocketTransport,
    request_channel: RequestChannel,
    gateway: int,
    call: Call[T],
    timeout_s: float,
) -> T:
    """Return the value of a call; ProtocolError if it is refused or not answered in time.

    Calls over HTTP are tried at every gateway in turn, starting with `gateway`.
    """
    if isinstance(call, OverHttp):
        response = await transport.request_until_answered(gateway, call.request, timeout_s)
        if response is None:
            raise ProtocolError("no answer")
        value: T | None = call.read(response)
    else:
        value = await _call_over_socket(request_channel, call, timeout_s)
    if value is None:
        raise ProtocolError("no answer, or a refusal")
    return value


async def _call_over_socket(
    request_channel: RequestChannel, call: Call[T], timeout_s: float
) -> T | None:
    future: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()

    def on_result(value: T | None) -> None:
        if not future.done():  # it is done if the caller was cancelled
            future.set_result(value)

    request_channel.call(call, int(timeout_s * NS_PER_S), on_result)
    return await future


async def check_addresses(allowed_hosts: AllowedHosts, urls: list[str]) -> None:
    """Raise ConfigError if the load would connect to a host that the scenario does not allow."""
    for url in urls:
        await allowed_hosts.resolve(host_of(url))
