"""A minimal, fast WebSocket echo server, against which load generators are measured.

On the path of Socket.IO it acknowledges events instead. It first prints its port, and then answers
each line of input with a line of its counts (`Count`).
"""

import asyncio
import sys

import msgspec
import picows
import uvloop

from benchmarks import socketio_answers as socketio

BACKLOG = 4096


class Count(msgspec.Struct):
    """Counts of an echo server since its start."""

    accepted: int = 0
    messages: int = 0
    open: int = 0


class _Echo(picows.WSListener):
    def __init__(self, count: Count) -> None:
        self._count = count

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self._count.accepted += 1
        self._count.open += 1

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self._count.open -= 1

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        match frame.msg_type:
            case picows.WSMsgType.CLOSE:
                transport.send_close(picows.WSCloseCode.OK)
                transport.disconnect()
            case picows.WSMsgType.PING:
                transport.send_pong(frame.get_payload_as_bytes())
            case _:
                self._count.messages += 1
                transport.send(frame.msg_type, frame.get_payload_as_bytes())


class _SocketIo(_Echo):
    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        super().on_ws_connected(transport)
        transport.send(picows.WSMsgType.TEXT, socketio.OPEN)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        if frame.msg_type != picows.WSMsgType.TEXT:
            super().on_ws_frame(transport, frame)
            return
        packet = frame.get_payload_as_bytes()
        self._count.messages += socketio.is_event(packet)
        if answer := socketio.answer(packet):
            transport.send(picows.WSMsgType.TEXT, answer)


async def _main() -> None:
    count = Count()

    def accept(request: picows.WSUpgradeRequest) -> picows.WSUpgradeResponseWithListener:
        # Accept any requested subprotocol, because some clients require one.
        requested = request.headers.get("Sec-WebSocket-Protocol")
        extra = {"Sec-WebSocket-Protocol": requested.split(",")[0].strip()} if requested else {}
        response = picows.WSUpgradeResponse.create_101_response(extra_headers=extra)
        listener = _SocketIo if request.path.startswith(socketio.PATH) else _Echo
        return picows.WSUpgradeResponseWithListener(response, listener(count))

    server = await picows.ws_create_server(
        accept,
        "127.0.0.1",
        0,
        backlog=BACKLOG,
        use_aiofastnet=False,
        read_buffer_init_size=2048,
    )
    loop = asyncio.get_running_loop()
    print(server.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(msgspec.json.encode(count).decode(), flush=True)
    server.close()


if __name__ == "__main__":
    uvloop.run(_main())
