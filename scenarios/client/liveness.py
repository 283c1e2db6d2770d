"""Detecting dead connections: dial time-outs, silence, and connections of a stalled user. Pure."""

from collections.abc import Callable
from functools import partial

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.scenarios.adapters.base import Connected
from gauntlet.scenarios.client.backoff import Backoff
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.client.context import Context
from gauntlet.scenarios.client.requests import RequestChannel
from gauntlet.scenarios.metrics import error_log

CONNECT_TIMEOUT_NS = 7 * NS_PER_S
_WAKE_NS = NS_PER_S
_STABLE_NS = NS_PER_S
_CLOSE_SILENT = 4009


class Liveness:
    """Watches one user's connections, and calls `drop` with those that are of no more use.

    `stalled` is the connection of a user who reads nothing, as the app on a frozen phone.
    """

    __slots__ = ("_backoff", "_context", "_drop", "_request_channel", "stalled")

    def __init__(
        self,
        context: Context,
        request_channel: RequestChannel,
        backoff: Backoff,
        drop: Callable[[Connection, int], None],
    ) -> None:
        self._context = context
        self._request_channel = request_channel
        self._backoff = backoff
        self._drop = drop
        self.stalled: Connection | None = None

    def watch_dial(self, connection: Connection) -> None:
        """Drop a connection on which the server does not accept the user in time."""
        self._context.after_about(CONNECT_TIMEOUT_NS, partial(self._on_dial_timeout, connection))

    def _on_dial_timeout(self, connection: Connection) -> None:
        if connection.connected is None and not connection.ended:
            text = f"the server did not accept the user within {CONNECT_TIMEOUT_NS // NS_PER_S} s"
            self._context.errors.record(error_log.CONNECT, text)
            self._drop(connection, _CLOSE_SILENT)

    def watch(self, connection: Connection, connected: Connected) -> None:
        """Ping after `ping_ms` without a frame, and drop the connection `pong_ms` later.

        A connection that has lasted `ping_ms` resets the backoff, so that its loss counts as the
        first failure, but none shorter than a second: a server may name any `ping_ms`.
        """
        if connection.ended or connection is self.stalled:  # `wake` replaces a stalled connection
            return
        context = self._context
        silent_ns = context.now_ns() - connection.last_frame_ns
        ping_ns = int(connected.ping_ms * NS_PER_MS)
        pong_ns = int(connected.pong_ms * NS_PER_MS)
        if silent_ns >= ping_ns + pong_ns:
            text = f"no frame within {(ping_ns + pong_ns) // NS_PER_MS} ms: given up"
            self._context.errors.record(error_log.CLOSE, text)
            self._drop(connection, _CLOSE_SILENT)
            return
        wait_ns = ping_ns - silent_ns
        if silent_ns >= ping_ns:
            wait_ns = min(pong_ns // 2, ping_ns + pong_ns - silent_ns)
            if ping := self._request_channel.ask(self._request_channel.codec.ping):
                context.transport.send(connection, ping)
        elif context.now_ns() - connection.dialled_ns >= max(ping_ns, _STABLE_NS):
            self._backoff.reset()
        context.after_about(wait_ns, partial(self.watch, connection, connected))

    def stall(self, connection: Connection) -> None:
        """Stop reading from a connection."""
        self.stalled = connection
        self._context.transport.read(connection, on=False)

    def wake(self) -> None:
        """Resume reading, and replace the connection soon after.

        If the server has not closed it meanwhile, a new connection is needed all the same: the
        app cannot know what it missed.
        """
        if (connection := self.stalled) is not None:
            self.stalled = None
            self._context.transport.read(connection, on=True)
            self._context.after(_WAKE_NS, partial(self._replace, connection))

    def _replace(self, connection: Connection) -> None:
        if not connection.ended:
            self._drop(connection, _CLOSE_SILENT)
