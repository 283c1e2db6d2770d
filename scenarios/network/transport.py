"""The transport of sessions on real sockets (`gauntlet.scenarios.client.context.Transport`)."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from gauntlet.core.clock import NS_PER_S
from gauntlet.scenarios.adapters.base import Call, OverHttp, ProtocolError, Request, Response
from gauntlet.scenarios.client.connection import Connection, Dial
from gauntlet.scenarios.client.requests import RequestChannel
from gauntlet.scenarios.metrics import error_log
from gauntlet.scenarios.metrics.connect_diagnosis import describe_error
from gauntlet.scenarios.network import event_stream, tcp, websocket
from gauntlet.scenarios.network.hosts import (
    HTTP_SCHEMES,
    TCP_SCHEMES,
    AllowedHosts,
    HostRefused,
    endpoint_of,
)
from gauntlet.scenarios.network.http_client import HttpClient
from gauntlet.scenarios.network.long_poll import LongPoll
from gauntlet.scenarios.network.tcp import TcpWire
from gauntlet.scenarios.network.wire import (
    CLOSE_ABNORMAL,
    Listener,
    Network,
    TransportError,
    Wire,
    close_text,
)

_REQUEST_TIMEOUT_S = 5.0
_RETRY_PAUSE_S = 0.25
_SHOWN_BYTES = 200
T = TypeVar("T")

Dialer = Callable[[Network, Dial, Listener], Awaitable[tuple[Wire, Response]]]
# `long-poll` is missing, because it makes requests and opens no connection of its own.
_DIALERS: dict[str, Dialer] = {
    "websocket": websocket.dial,
    "tcp": tcp.dial,
    "sse": event_stream.dial,
}
TRANSPORTS = (*_DIALERS, "long-poll")


class SocketTransport:
    """The sockets of all sessions of a worker.

    `gateways` are the base URLs for requests, and `kind` is one of `TRANSPORTS`. `on_failure`
    receives errors of Gauntlet itself, which end the engine; `on_trouble` receives the kind
    (`error_log`) and the text of failed requests and connections.
    """

    def __init__(
        self,
        network: Network,
        gateways: list[str],
        kind: str,
        on_failure: Callable[[BaseException], None],
        on_trouble: Callable[[str, str], None] = lambda _kind, _text: None,
    ) -> None:
        self._network = network
        self.direct = network.hosts.direct  # what was dialled although it has no proxy
        self._http = HttpClient(network)
        self._gateways = gateways
        self._kind = kind
        self._on_failure = on_failure
        self._on_trouble = on_trouble
        self._wires: dict[Connection, Wire] = {}
        # The frames of connections that are being opened. A server that speaks first may send them
        # together with its answer to the handshake, which is then not yet handled.
        self._early: dict[Connection, list[bytes]] = {}
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
                    self._on_trouble(error_log.HTTP, describe_error(outcome))
                    on_response(None)
                    return
                if outcome.status >= 300:
                    self._on_trouble(error_log.HTTP, _status_text(outcome))
                on_response(outcome)
            except Exception as error:  # noqa: BLE001 - an error of Gauntlet ends the engine
                self._on_failure(error)

        base_url = self._gateways[gateway % len(self._gateways)]
        self._http.exchange(base_url, request, timeout_ns / NS_PER_S, on_outcome)

    async def request_once(
        self, gateway: int, request: Request, timeout_s: float
    ) -> Response | None:
        """Return the response to one attempt; None if there is none in time."""
        base_url = self._gateways[gateway % len(self._gateways)]
        try:
            return await self._http.request(base_url, request, timeout_s)
        except TransportError:
            return None

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
            answered = await self.request_once(gateway, request, _REQUEST_TIMEOUT_S)
            if answered is not None:
                response = answered
                if response.status < 429:
                    return response
            gateway += 1  # the next gateway may answer
            await asyncio.sleep(_RETRY_PAUSE_S)
        return response

    def dial(self, connection: Connection, dial: Dial) -> None:
        if self._kind == "long-poll":
            self._start_polling(connection, dial)
        else:
            self._dials[connection] = self.spawn(self._dial(connection, dial))

    async def _dial(self, connection: Connection, dial: Dial) -> None:
        self._early[connection] = []
        try:
            wire, response = await _DIALERS[self._kind](
                self._network, dial, self._listener(connection)
            )
        except (TransportError, HostRefused) as error:
            self._on_closed(connection, CLOSE_ABNORMAL, describe_error(error))
            return
        finally:
            self._dials.pop(connection, None)
            early = self._early.pop(connection, [])
        self._on_open(connection, wire, response)
        for frame in early:
            self._on_frame(connection, frame)

    def _start_polling(self, connection: Connection, dial: Dial) -> None:
        poll = LongPoll(self._http, dial, self._listener(connection))
        asyncio.get_running_loop().call_soon(
            self._guarded, partial(self._on_open, connection, poll, Response(0, b""))
        )
        asyncio.get_running_loop().call_soon(self._guarded, poll.start)

    def _listener(self, connection: Connection) -> Listener:
        return Listener(
            partial(self._on_frame, connection),
            partial(self._on_response, connection),
            partial(self._on_closed, connection),
        )

    def _on_open(self, connection: Connection, wire: Wire, response: Response) -> None:
        if connection.ended:
            wire.abort()
        else:
            self._wires[connection] = wire
            connection.session.on_open(connection, response)

    def _guarded(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - an error of Gauntlet ends the engine
            self._on_failure(error)

    def _on_frame(self, connection: Connection, frame: bytes) -> None:
        if self._early and (early := self._early.get(connection)) is not None:
            early.append(frame)
            return
        try:
            connection.session.on_frame(connection, frame)
        except Exception as error:  # noqa: BLE001 - an error of Gauntlet ends the engine
            self._on_failure(error)

    def _on_response(self, connection: Connection, response: Response) -> None:
        if response.status >= 300:
            self._on_trouble(error_log.HTTP, _status_text(response))
        self._guarded(partial(connection.session.on_response, connection, response))

    def _on_closed(self, connection: Connection, code: int, reason: str) -> None:
        # The transport closes a wire only after it has removed it here.
        by_server = self._wires.pop(connection, None) is not None
        if not connection.ended:
            if by_server:
                before = "" if connection.number else " before the server accepted the user"
                self._on_trouble(error_log.CLOSE, close_text(code, reason) + before)
            else:
                text = reason if code == CLOSE_ABNORMAL else close_text(code, reason)
                self._on_trouble(error_log.CONNECT, text or "closed during the handshake")
        self._guarded(partial(connection.session.on_closed, connection, code))

    def send(self, connection: Connection, frame: bytes) -> None:
        wire = self._wires.get(connection)
        if wire is not None:
            wire.send(frame)

    def start_tls(self, connection: Connection, on_done: Callable[[], None]) -> None:
        wire = self._wires.get(connection)
        if isinstance(wire, TcpWire):
            self.spawn(self._start_tls(wire, connection, on_done))

    async def _start_tls(
        self, wire: TcpWire, connection: Connection, on_done: Callable[[], None]
    ) -> None:
        try:
            await wire.start_tls(self._network, endpoint_of(connection.url, TCP_SCHEMES).host)
        except TransportError as error:  # the wire is closed, which is reported there
            self._on_trouble(error_log.CONNECT, f"TLS: {describe_error(error)}")
            return
        on_done()

    def read(self, connection: Connection, *, on: bool) -> None:
        wire = self._wires.get(connection)
        if wire is not None:
            wire.read(on=on)

    def close(self, connection: Connection, *, abort: bool = False) -> None:
        dialling = self._dials.pop(connection, None)
        if dialling is not None:
            dialling.cancel()
        wire = self._wires.pop(connection, None)
        if wire is not None:
            (wire.abort if abort else wire.close)()

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
        for wire in list(self._wires.values()):
            wire.abort()
        self._wires.clear()
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
        value = await value_of(request_channel, call, timeout_s)
    if value is None:
        raise ProtocolError("no answer, or a refusal")
    return value


async def value_of(request_channel: RequestChannel, call: Call[T], timeout_s: float) -> T | None:
    """Return the value of a call; None if it is refused or not answered in time."""
    future: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()

    def on_result(value: T | None) -> None:
        if not future.done():  # it is done if the caller was cancelled
            future.set_result(value)

    request_channel.call(call, int(timeout_s * NS_PER_S), on_result)
    return await future


async def check_addresses(hosts: AllowedHosts, urls: list[str]) -> None:
    """Raise ConfigError if the load would connect to a host that the scenario does not allow."""
    for url in urls:
        await hosts.locate(endpoint_of(url, (*HTTP_SCHEMES, *TCP_SCHEMES)))


def _status_text(response: Response) -> str:
    """Return the status of a response with the beginning of its body."""
    body = response.body[:_SHOWN_BYTES].decode(errors="replace").strip()
    return f"HTTP {response.status}: {body}" if body else f"HTTP {response.status}"
