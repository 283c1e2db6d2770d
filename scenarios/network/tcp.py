"""The transport `tcp`: a plain TCP or TLS connection with the adapter's own framing."""

import asyncio

from gauntlet.scenarios.adapters.base import Framing, ProtocolError, Response
from gauntlet.scenarios.client.connection import Dial
from gauntlet.scenarios.metrics.error_log import describe_exception
from gauntlet.scenarios.network.bound_socket import connect_from
from gauntlet.scenarios.network.hosts import TCP_SCHEMES, endpoint_of
from gauntlet.scenarios.network.stream_wire import StreamWire
from gauntlet.scenarios.network.wire import (
    DIAL_TIMEOUT_S,
    Listener,
    Network,
    TransportError,
)


class TcpWire(StreamWire):
    """One connection; `on_closed` is called once after it was made."""

    def __init__(self, framing: Framing, listener: Listener, message_bytes_max: int) -> None:
        super().__init__(listener, message_bytes_max)
        self._framing = framing
        self._unframed_bytes = 0

    def data_received(self, data: bytes) -> None:
        try:
            frames = self._framing.feed(data)
        except ProtocolError as error:
            self._fail(str(error))
            return
        except Exception as error:  # noqa: BLE001 - the adapter may raise anything
            self._fail(describe_exception(error))
            return
        self._unframed_bytes = 0 if frames else self._unframed_bytes + len(data)
        if self._unframed_bytes > self._bytes_max:
            self._fail(f"a frame of more than {self._bytes_max} bytes")
            return
        for frame in frames:
            self._listener.on_frame(frame)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._listener.on_closed(self._close_code, self._close_reason or str(exc or ""))

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def start_tls(self, network: Network, host: str) -> None:
        """Continue with TLS on this connection; TransportError if the handshake fails."""
        loop, transport = asyncio.get_running_loop(), self._transport
        if transport is None:
            raise TransportError("closed before TLS")
        try:
            self._transport = await loop.start_tls(
                transport, self, network.tls.context, server_hostname=network.tls.name_for(host)
            )
        except OSError as error:
            self.abort()
            raise TransportError(str(error) or type(error).__name__) from error


async def dial(network: Network, dial: Dial, listener: Listener) -> tuple[TcpWire, Response]:
    """Open a connection; TransportError if it cannot be established."""
    assert dial.framing is not None
    endpoint = endpoint_of(dial.url, TCP_SCHEMES)
    address, port = await network.hosts.locate(endpoint)
    source = network.sources.next(address) if network.sources is not None else None
    wire = TcpWire(dial.framing(), listener, network.message_bytes_max)
    tls = network.tls.context if endpoint.secure else None
    name = network.tls.name_for(endpoint.host) if endpoint.secure else None
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(DIAL_TIMEOUT_S):
            if source is None:
                await loop.create_connection(
                    lambda: wire, address, port, ssl=tls, server_hostname=name
                )
            else:
                socket = await connect_from(source, address, port)
                await loop.create_connection(
                    lambda: wire, sock=socket, ssl=tls, server_hostname=name
                )
    except OSError as error:
        raise TransportError(str(error) or type(error).__name__) from error
    if not wire.is_open:
        raise TransportError("closed immediately")
    return wire, Response(0, b"")
