"""Moves an edge's clients elsewhere: told one by one over a time, then closed in waves."""

import asyncio
import random
from collections.abc import Callable, Collection
from typing import Annotated

import msgspec

from gauntlet.reference_server.core import wire
from gauntlet.reference_server.core.wire import Close
from gauntlet.reference_server.edge.client_socket import ClientSocket

WAVE_EVERY_S = 0.5


class DrainOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send clients, and in what time; both times count from the order."""

    urls: tuple[str, ...]
    drain_ms: Annotated[int, msgspec.Meta(ge=0)] = 8000
    deadline_ms: Annotated[int, msgspec.Meta(ge=0)] = 12_000
    waves: Annotated[int, msgspec.Meta(ge=1)] = 4
    reason: str = "cutover"


class Drain:
    """At most one drain at a time. While `active`, the edge refuses upgrades."""

    def __init__(self, sockets: Callable[[], Collection[ClientSocket]]) -> None:
        self.active: DrainOrder | None = None
        self.forced_closes = 0
        self._sockets = sockets
        self._task: asyncio.Task[None] | None = None
        self._deadline_s = 0.0

    def begin(self, order: DrainOrder) -> int:
        """Tell every client, spread evenly in random order; returns how many were told."""
        self.cancel()
        self.active = order
        self._deadline_s = asyncio.get_running_loop().time() + order.deadline_ms / 1000
        sockets = list(self._sockets())
        random.shuffle(sockets)
        for place, socket in enumerate(sockets):
            url = order.urls[place % len(order.urls)]
            self._tell(socket, url, order.drain_ms * place // len(sockets))
        self._task = asyncio.create_task(self._close_stragglers(order))
        return len(sockets)

    def cancel(self) -> None:
        """Accept clients again; those that were told may come back."""
        self.active = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def greet(self, socket: ClientSocket) -> None:
        """Tell a client whose handshake was under way when the drain began."""
        if self.active is not None:
            left_ms = int(1000 * (self._deadline_s - asyncio.get_running_loop().time()))
            delay_ms = random.randint(0, max(0, min(self.active.drain_ms, left_ms // 2)))
            self._tell(socket, random.choice(self.active.urls), delay_ms)

    def _tell(self, socket: ClientSocket, url: str, delay_ms: int) -> None:
        order = self.active
        if order is not None:
            left_ms = int(1000 * (self._deadline_s - asyncio.get_running_loop().time()))
            frame = wire.Reconnect(url, delay_ms, max(0, left_ms), order.reason)
            socket.send(wire.encode(wire.ServerFrame(reconnect=frame)))

    async def _close_stragglers(self, order: DrainOrder) -> None:
        await asyncio.sleep(order.deadline_ms / 1000)
        for waves_left in range(order.waves, 0, -1):
            stragglers = [one for one in self._sockets() if one.closed_with is None]
            for socket in stragglers[: -(-len(stragglers) // waves_left)]:
                socket.close(Close.RESTARTING, order.reason)
                self.forced_closes += 1
            await asyncio.sleep(WAVE_EVERY_S)
