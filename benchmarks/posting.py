"""Sending over cheap keep-alive connections, in a closed or an open model."""

import asyncio
import itertools
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import cast
from urllib.parse import urlsplit

from benchmarks.payload import Destination

OPEN_CONNECTIONS = 512
SETTLE_S = 5.0
_TICK_S = 0.001
_ACKED = frozenset({b"200", b"201"})
_SEED = 7

Done = Callable[["Poster", Destination, bool], None]


class Poster(asyncio.Protocol):
    """One connection with one request at a time; responses must have a Content-Length."""

    def __init__(self, done: Done) -> None:
        self.due_ns = 0
        self._destination: Destination | None = None  # of the request in flight
        self._done = done
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def post(self, destination: Destination, due_ns: int) -> None:
        """Send a message; `done` is called when it is answered."""
        assert self._transport is not None
        self._destination, self.due_ns = destination, due_ns
        self._transport.write(destination.request(due_ns))

    def data_received(self, data: bytes) -> None:
        data = self._received + data
        head, end, body = data.partition(b"\r\n\r\n")
        if not end or len(body) < _content_length(head):
            self._received = data
            return
        self._received = b""
        self._finish(acked=head[9:12] in _ACKED)

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(acked=False)

    def _finish(self, *, acked: bool) -> None:
        destination, self._destination = self._destination, None
        if destination is not None:
            self._done(self, destination, acked)

    def close(self) -> None:
        """Drop the connection."""
        self._destination = None
        if self._transport is not None:
            self._transport.abort()


def _content_length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0])


class Posting:
    """The sends of one job, spread over connections to all gateways."""

    def __init__(self, api: Sequence[str], destinations: Sequence[Destination]) -> None:
        self.acked = self.failed = self.expected = 0
        self.latencies_ms: list[float] = []
        self._api = api
        self._destinations = itertools.cycle(destinations)
        self._posters: list[Poster] = []
        # Used in turn, because a server closes a connection that is idle for long.
        self._idle: deque[Poster] = deque()
        self._due: deque[int] = deque()  # due times of messages that wait for an idle connection
        self._until_ns = 0
        self._closed_loop = False

    async def closed(self, window: int, seconds: float) -> float:
        """Keep `window` requests in flight; return the seconds until the last answer."""
        await self._open(window)
        self._closed_loop = True
        began_ns = time.monotonic_ns()
        self._until_ns = began_ns + int(seconds * 1e9)
        while self._idle:
            self._post(time.monotonic_ns())
        return await self._finish(began_ns)

    async def open(self, rate: float, seconds: float) -> float:
        """Send at Poisson arrivals; return the seconds until the last answer."""
        await self._open(OPEN_CONNECTIONS)
        random_ = random.Random(_SEED)
        began_ns = time.monotonic_ns()
        due_ns = float(began_ns)
        while due_ns < began_ns + seconds * 1e9:
            while due_ns <= time.monotonic_ns():
                self._post(int(due_ns))
                due_ns += random_.expovariate(rate) * 1e9
            await asyncio.sleep(max(_TICK_S, (due_ns - time.monotonic_ns()) / 1e9))
        return await self._finish(began_ns)

    def _post(self, due_ns: int) -> None:
        if self._idle:
            self._idle.popleft().post(next(self._destinations), due_ns)
        else:
            self._due.append(due_ns)

    def _on_answer(self, poster: Poster, destination: Destination, acked: bool) -> None:  # noqa: FBT001 - a plain callback
        now_ns = time.monotonic_ns()
        self.latencies_ms.append((now_ns - poster.due_ns) / 1e6)
        if acked:
            self.acked += 1
            self.expected += destination.readers
        else:
            self.failed += 1
        if self._due:
            poster.post(next(self._destinations), self._due.popleft())
        elif self._closed_loop and now_ns < self._until_ns:
            poster.post(next(self._destinations), now_ns)
        else:
            self._idle.append(poster)

    async def _open(self, connections: int) -> None:
        loop = asyncio.get_running_loop()
        for _, base in zip(range(connections), itertools.cycle(self._api), strict=False):
            url = urlsplit(base)
            _, poster = await loop.create_connection(
                lambda: Poster(self._on_answer), url.hostname or "", url.port or 80
            )
            self._posters.append(poster)
        self._idle = deque(self._posters)

    async def _finish(self, began_ns: int) -> float:
        while len(self._idle) < len(self._posters):
            await asyncio.sleep(_TICK_S)
        seconds = (time.monotonic_ns() - began_ns) / 1e9
        for poster in self._posters:
            poster.close()
        return seconds
