"""Moves an edge's clients to other edges: asks them to reconnect, then closes those that stay."""

import asyncio
import random
from collections.abc import Callable, Collection
from typing import Annotated

import msgspec

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.wire import Close
from gauntlet.reference_server.edge.client_socket import ClientSocket

WAVE_INTERVAL_S = 0.5


_LONGEST_MS = 32 * 86_400_000  # longer than any duration in a scenario


class DrainOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Where clients are sent, and how fast; both times count from the start of the drain."""

    urls: tuple[str, ...]
    drain_ms: Annotated[int, msgspec.Meta(ge=0, le=_LONGEST_MS)] = 8000
    deadline_ms: Annotated[int, msgspec.Meta(ge=0, le=_LONGEST_MS)] = 12_000
    waves: Annotated[int, msgspec.Meta(ge=1)] = 4
    reason: str = "cutover"


class Drain:
    """At most one drain at a time. While it is `active`, the edge refuses upgrades."""

    def __init__(self, sockets: Callable[[], Collection[ClientSocket]]) -> None:
        self.active: DrainOptions | None = None
        self.forced_closes = 0
        self._sockets = sockets
        self._task: asyncio.Task[None] | None = None
        self._deadline_s = 0.0

    def begin(self, options: DrainOptions) -> int:
        """Ask every client to reconnect, spread evenly over `drain_ms` in random order.

        Return how many clients were asked. A drain that is active is replaced.
        """
        self.cancel()
        self.active = options
        self._deadline_s = asyncio.get_running_loop().time() + options.deadline_ms / 1000
        sockets = list(self._sockets())
        random.shuffle(sockets)
        for index, socket in enumerate(sockets):
            url = options.urls[index % len(options.urls)]
            self._send_reconnect(socket, url, options.drain_ms * index // len(sockets))
        self._task = asyncio.create_task(self._close_stragglers(options))
        return len(sockets)

    def cancel(self) -> None:
        """Accept clients again; those that were asked to leave may come back."""
        self.active = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def on_connected(self, socket: ClientSocket) -> None:
        """Ask a client to reconnect whose handshake was in progress when the drain began."""
        if self.active is not None:
            left_ms = int(1000 * (self._deadline_s - asyncio.get_running_loop().time()))
            delay_ms = random.randint(0, max(0, min(self.active.drain_ms, left_ms // 2)))
            self._send_reconnect(socket, random.choice(self.active.urls), delay_ms)

    def _send_reconnect(self, socket: ClientSocket, url: str, delay_ms: int) -> None:
        options = self.active
        if options is not None:
            left_ms = int(1000 * (self._deadline_s - asyncio.get_running_loop().time()))
            frame = wire.Reconnect(url, delay_ms, max(0, left_ms), options.reason)
            socket.send(wire.encode(wire.ServerFrame(reconnect=frame)))

    async def _close_stragglers(self, options: DrainOptions) -> None:
        await asyncio.sleep(options.deadline_ms / 1000)
        for waves_left in range(options.waves, 0, -1):
            stragglers = [socket for socket in self._sockets() if socket.closed_with is None]
            for socket in stragglers[: -(-len(stragglers) // waves_left)]:
                socket.close(Close.RESTARTING, options.reason)
                self.forced_closes += 1
            await asyncio.sleep(WAVE_INTERVAL_S)
