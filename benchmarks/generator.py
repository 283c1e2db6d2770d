"""The load of the benchmarks as a separate process: jobs on stdin, results on stdout.

It has neither adapters nor history nor tasks per message, because it shares the machine with the
server that it measures. It still checks the order of what it receives.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Sequence

import msgspec
import uvloop

from benchmarks.jobs import Bare, Closed, Direct, Idle, Job, Open, Result, Room, Wait
from benchmarks.payload import Destination
from benchmarks.posting import SETTLE_S, Posting
from benchmarks.receiver import Receiver, Tally
from gauntlet.scenarios.adapters.base import Request
from gauntlet.scenarios.network.http_client import HttpClient
from gauntlet.scenarios.network.wire import TransportError, loopback_network

CONCURRENT_LOGINS = 64  # concurrent logins
CONNECT_ATTEMPTS = 3
CONNECT_TIMEOUT_S = 30.0
CALL_TIMEOUT_S = 10.0


class _Connect(msgspec.Struct):
    url: str


class _Session(msgspec.Struct):
    token: str
    connect: _Connect


class Generator:
    """Connected users, and the conversations that they write to."""

    def __init__(self) -> None:
        self._http = HttpClient(loopback_network())
        self._tally = Tally()
        self._receivers: list[Receiver] = []
        self._api: list[str] = []
        self._destinations: list[Destination] = []

    async def do(self, job: Job) -> Result:
        """Do one job and return its result."""
        match job:
            case Bare():
                self._api, self._destinations = job.api, [Destination("/", "-", readers=0)]
            case Direct():
                await self._direct(job)
            case Room():
                await self._room(job)
            case Idle():
                await self._sessions(job.api, "idle", job.connections)
            case Wait():
                await asyncio.sleep(job.seconds)
            case Closed() | Open():
                return await self._load(job)
        return Result(connections=len(self._receivers), wrong=self._tally.wrong)

    def close(self) -> None:
        """End all connections."""
        for receiver in self._receivers:
            receiver.close()
        self._http.close()

    async def _direct(self, job: Direct) -> None:
        tokens = await self._sessions(job.api, "user", job.conversations)
        users = list(tokens)
        for user, peer in zip(users, users[1:] + users[:1], strict=True):
            first, second = sorted((user, peer))
            path = f"/v1/conversations/d.{first}.{second}/messages"
            self._destinations.append(Destination(path, tokens[user], readers=2))

    async def _room(self, job: Room) -> None:
        tokens = await self._sessions(job.api, "member", job.members)
        founder = next(iter(tokens.values()))
        for user in tokens:
            path = f"/v1/rooms/r.benchmark/members/{user}"
            await self._call("PUT", path, token=founder)
        path = "/v1/conversations/r.benchmark/messages"
        self._destinations = [
            Destination(path, token, readers=job.members) for token in tokens.values()
        ]

    async def _sessions(self, api: list[str], prefix: str, count: int) -> dict[str, str]:
        """Connect `count` users and return their tokens by name."""
        self._api = api
        names = [f"{prefix}-{number:05d}" for number in range(count)]
        tokens = await _in_groups([self._session(name) for name in names])
        deadline = time.monotonic() + CONNECT_TIMEOUT_S
        while not all(receiver.connected for receiver in self._receivers):
            assert time.monotonic() < deadline, "not every user became connected"
            await asyncio.sleep(0.05)
        return dict(zip(names, tokens, strict=True))

    async def _session(self, user: str) -> str:
        body = msgspec.json.encode({"user": user, "device": "benchmark"})
        answer = await self._call("POST", "/v1/sessions", body)
        session = msgspec.json.decode(answer, type=_Session)
        for left in reversed(range(CONNECT_ATTEMPTS)):
            receiver = Receiver(self._tally)
            try:
                await receiver.connect(session.connect.url, session.token, "benchmark")
                break
            except TransportError:  # the handshake may time out while many connect
                if not left:
                    raise
        self._receivers.append(receiver)
        return session.token

    async def _call(self, method: str, path: str, body: bytes = b"", token: str = "") -> bytes:
        request = Request(method, path, body, token)
        response = await self._http.request(self._api[0], request, CALL_TIMEOUT_S)
        assert response.status < 300, (method, path, response)
        return response.body

    async def _load(self, job: Closed | Open) -> Result:
        self._tally.clear()
        posting = Posting(self._api, self._destinations)
        cpu_s = time.process_time()
        if isinstance(job, Closed):
            seconds = await posting.closed(job.window, job.seconds)
        else:
            seconds = await posting.open(job.rate, job.seconds)
        await self._all_delivered(posting.expected)
        cpu_s = time.process_time() - cpu_s
        response, delivery = sorted(posting.latencies_ms), sorted(self._tally.latencies_ms)
        return Result(
            connections=len(self._receivers),
            seconds=seconds,
            acked=posting.acked,
            failed=posting.failed,
            deliveries=self._tally.deliveries,
            lost=posting.expected - self._tally.deliveries,
            wrong=self._tally.wrong,
            cpu_s=cpu_s,
            response_p50_ms=_percentile(response, 50),
            response_p99_ms=_percentile(response, 99),
            delivery_p50_ms=_percentile(delivery, 50),
            delivery_p99_ms=_percentile(delivery, 99),
        )

    async def _all_delivered(self, expected: int) -> None:
        deadline = time.monotonic() + SETTLE_S
        while self._tally.deliveries < expected and time.monotonic() < deadline:
            await asyncio.sleep(0.01)


async def _in_groups(work: Sequence[Awaitable[str]]) -> list[str]:
    results: list[str] = []
    for start in range(0, len(work), CONCURRENT_LOGINS):
        results += await asyncio.gather(*work[start : start + CONCURRENT_LOGINS])
    return results


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


async def _main() -> None:
    generator = Generator()
    loop = asyncio.get_running_loop()
    decoder = msgspec.json.Decoder(Job)
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            result = await generator.do(decoder.decode(line))
            print(msgspec.json.encode(result).decode(), flush=True)
    finally:
        generator.close()
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    uvloop.run(_main())
