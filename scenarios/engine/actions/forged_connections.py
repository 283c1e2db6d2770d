"""Opens a connection with a login that the server has not issued, which it has to refuse."""

import asyncio
from typing import final

from gauntlet.core.history import ProbeResult
from gauntlet.scenarios.adapters.base import Codec, Connected, EventBatch, Refused, Response
from gauntlet.scenarios.client.connection import Connection, Dial
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.session import Session
from gauntlet.scenarios.network.transport import SocketTransport
from gauntlet.scenarios.workloads.entities import User

_TIMEOUT_S = 5.0
_CLOSE_ABNORMAL = 1006


@final
class _Impostor:
    """The listener of a connection: sends one frame, and waits for what comes of it."""

    def __init__(
        self, transport: SocketTransport, user: User, codec: Codec, first_frame: bytes
    ) -> None:
        self.user = user
        self.result: asyncio.Future[ProbeResult] = asyncio.get_running_loop().create_future()
        self._transport = transport
        self._codec = codec
        self._first_frame = first_frame
        self._sent = False

    def on_open(self, connection: Connection, response: Response) -> None:
        self._sent = True
        connection.ended = True  # its end is expected, and is no trouble of a client
        self._transport.send(connection, self._first_frame)

    def on_frame(self, connection: Connection, frame: bytes) -> None:
        try:
            event = self._codec.read(frame)
        except Exception:  # noqa: BLE001 - the adapter may raise anything, and it says nothing
            return
        for each in event.events if isinstance(event, EventBatch) else (event,):
            if isinstance(each, Connected):
                self._end(connection, ProbeResult.GRANTED)
            elif isinstance(each, Refused):
                self._end(connection, ProbeResult.REFUSED)

    def on_response(self, connection: Connection, response: Response) -> None:
        """Ignore it: no poll was sent."""

    def on_closed(self, connection: Connection, code: int) -> None:
        """Take a close with a code as a refusal; a lost connection says nothing."""
        refused = self._sent and code != _CLOSE_ABNORMAL
        self._end(connection, ProbeResult.REFUSED if refused else ProbeResult.UNKNOWN)

    def _end(self, connection: Connection, result: ProbeResult) -> None:
        connection.ended = True
        if not self.result.done():
            self.result.set_result(result)


async def result_of_connecting(
    context: Context, transport: SocketTransport, session: Session, token: str, device: str
) -> ProbeResult | None:
    """Return whether the server accepts a connection that a token opens for a device.

    None if the adapter cannot open one with a token of choice, or the user is not connected.
    """
    channel = session.request_channel
    current = channel.connection
    first_frame = channel.ask(channel.codec.open_as, token, device)
    if not first_frame or current is None:
        return None
    codec = context.adapter.codec(session.user.account, session.user.device)
    impostor = _Impostor(transport, session.user, codec, first_frame)
    connection = Connection(impostor, current.url, context.now_ns())
    transport.dial(connection, Dial(current.url, subprotocols=context.adapter.subprotocols))
    try:
        return await asyncio.wait_for(impostor.result, _TIMEOUT_S)
    except TimeoutError:
        return ProbeResult.UNKNOWN
    finally:
        connection.ended = True
        transport.close(connection, abort=True)
