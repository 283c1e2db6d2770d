"""Minimal servers, whose costs are the denominators of the benchmarks' ratios.

`http` answers every POST with a small JSON; `ws` writes frames with a loop of `ws.send`; `drain`
holds the client ends of `ws`. Each prints a line when it is ready and ends when its input ends.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
import uvicorn
import uvloop
from websockets.asyncio.server import ServerConnection, serve

from gauntlet.scenarios.client.connection import Dial
from gauntlet.scenarios.network.websocket import dial
from gauntlet.scenarios.network.wire import Listener, loopback_network

ANSWER = (
    b'{"conv":"d.user-00000.user-00001","seq":1,"msg_id":"0123456789abcdef","ts":1700000000000}'
)
FRAME = b'{"msg":%s}' % (b"x" * 260)  # about the length of a message pushed in the benchmarks
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]
# uvicorn without features that cost time and are not needed here.
_PLAIN: dict[str, Any] = {
    "ws": "none",
    "lifespan": "off",
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "date_header": False,
    "proxy_headers": False,
}
_SUBPROTOCOL = "bare"

Message = MutableMapping[str, Any]


async def _answer(
    scope: Message,  # noqa: ARG001 - required by ASGI
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """ASGI application: read the body and answer."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 201, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})


async def http() -> None:
    """Run a bare ASGI server."""
    server = uvicorn.Server(uvicorn.Config(_answer, port=0, http="httptools", **_PLAIN))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print_json(server.servers[0].sockets[0].getsockname()[1])
    await _read_line()
    server.should_exit = True
    await serving


async def ws() -> None:
    """Run a bare WebSocket server.

    Each line of input is a number of rounds in which a frame is sent to every socket; the answer
    is the CPU time of these rounds in seconds.
    """
    sockets: set[ServerConnection] = set()

    async def accept(socket: ServerConnection) -> None:
        sockets.add(socket)
        await socket.wait_closed()

    async with serve(accept, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print_json(server.sockets[0].getsockname()[1])
        while line := await _read_line():
            began_s = time.process_time()
            for _ in range(int(line)):
                for socket in sockets:
                    await socket.send(FRAME, text=True)
                await asyncio.sleep(0)  # otherwise uvloop would write several rounds in one call
            print_json(time.process_time() - began_s)


async def drain(port: int, count: int) -> None:
    """Open `count` connections and read from them."""
    for _ in range(count):
        listener = Listener(
            lambda _frame: None, lambda _response: None, lambda _code, _reason: None
        )
        request = Dial(f"ws://127.0.0.1:{port}/", subprotocols=(_SUBPROTOCOL,))
        await dial(loopback_network(), request, listener)
    print_json(count)
    await _read_line()


def print_json(value: Any) -> None:
    """Print a line of JSON."""
    print(msgspec.json.encode(value).decode(), flush=True)


async def _read_line() -> str:
    return await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["http"]:
            uvloop.run(http())
        case ["ws"]:
            uvloop.run(ws())
        case ["drain", port_, count_]:
            uvloop.run(drain(int(port_), int(count_)))
