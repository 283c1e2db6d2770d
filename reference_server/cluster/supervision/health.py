"""Health checks: one request to a component in its own protocol."""

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable

_TIMEOUT_S = 2.0
_AMQP_0_9_1 = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME = b"\x01"
_POSTGRES_3_0 = 196_608
_AUTHENTICATION = b"R"


async def http(host: str, port: int) -> bool:
    """Return whether `GET /healthz` is answered with 200."""
    request = f"GET /healthz HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    answer = await _exchange(host, port, request.encode(), 12)
    return answer == b"HTTP/1.1 200"


async def redis(host: str, port: int) -> bool:
    """Return whether `PING` is answered: by `PONG`, or by `NOAUTH`, because we give no password."""
    return await _exchange(host, port, b"PING\r\n", 5) in {b"+PONG", b"-NOAU"}


async def amqp(host: str, port: int) -> bool:
    """Return whether the protocol header is answered by a method frame (`connection.start`)."""
    return await _exchange(host, port, _AMQP_0_9_1, 1) == _METHOD_FRAME


async def postgres(host: str, port: int) -> bool:
    """Return whether a start-up packet is answered by an authentication message, not an error."""
    parameters = b"user\x00im\x00database\x00postgres\x00\x00"
    packet = struct.pack("!ii", 8 + len(parameters), _POSTGRES_3_0) + parameters
    return await _exchange(host, port, packet, 1) == _AUTHENTICATION


CHECKS: dict[str, Callable[[str, int], Awaitable[bool]]] = {
    "python": http,
    "redis": redis,
    "rabbitmq": amqp,
    "postgres": postgres,
}


async def _exchange(host: str, port: int, request: bytes, length: int) -> bytes:
    """Send a request and return the first bytes of the answer; b"" if none comes in time."""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request)
                return await reader.readexactly(length)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return b""
