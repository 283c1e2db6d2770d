"""Sockets that are connected from a chosen source address."""

import _socket
import asyncio
from typing import Any, cast

_IP_BIND_ADDRESS_NO_PORT = 24  # from <linux/in.h>; missing from the socket module of Python 3.11


async def connect_from(source: str, address: str, port: int) -> Any:
    """Return a socket that is connected to `address` from a source address."""
    # The C class, because `socket.socket` is gevent's in a Locust worker.
    connected = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    try:
        connected.setblocking(False)
        # Without this option bind would reserve a port for all destinations, since it cannot
        # know which one follows, and the ports of one address would limit the load again.
        connected.setsockopt(_socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        connected.bind((source, 0))
        await asyncio.get_running_loop().sock_connect(cast(Any, connected), (address, port))
    except BaseException:
        connected.close()
        raise
    return connected
