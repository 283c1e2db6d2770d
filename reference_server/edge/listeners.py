"""The ports of an edge: one for clients, and another one for internal calls if clients use TLS."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.config import Config
from gauntlet.reference_server.core.tls import listener_options
from gauntlet.reference_server.edge.client_socket import CLOSE_TIMEOUT_S

CONNECT_TIMEOUT_S = 5.0

Handler = Callable[[ServerConnection], Awaitable[None]]
Responder = Callable[[ServerConnection, Request], Response | None]


class BoundedConnection(ServerConnection):
    """A connection that is aborted at its write limit.

    `websockets` answers pings by itself, also to a client that reads nothing: without a limit those
    answers would pile up.
    """

    def pause_writing(self) -> None:
        self.transport.abort()


def listen(
    config: Config, handler: Handler, respond: Responder
) -> AbstractAsyncContextManager[Server]:
    """Serve the WebSockets of clients; `respond` answers other requests."""
    tls = config.tls
    return serve(
        handler,
        config.host,
        config.port if tls is None else tls.port,
        process_request=respond,
        subprotocols=[Subprotocol(wire.SUBPROTOCOL)],
        compression=None,
        ping_interval=None,  # heartbeats are frames of our protocol
        open_timeout=CONNECT_TIMEOUT_S,
        max_size=wire.FRAME_BYTES_MAX,
        close_timeout=CLOSE_TIMEOUT_S,
        create_connection=BoundedConnection,
        # Above the outbox, so that the frames of this server never reach it.
        write_limit=2 * config.settings.outbox_bytes,
        **listener_options(tls),
    )


def listen_internally(
    config: Config, handler: Handler, respond: Responder
) -> AbstractAsyncContextManager[Server | None]:
    """Serve health and control calls without TLS, if clients have a port that needs it.

    It opens after the port for clients, so an edge that answers here serves them as well.
    """
    if config.tls is None:
        return nullcontext()
    return serve(
        handler,
        config.host,
        config.port,
        process_request=respond,
        open_timeout=CONNECT_TIMEOUT_S,
    )
