"""One user opens 10,000 connections: those above the limit are refused, and no user notices."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from benchmarks.resilience.client import Account, Receiver, Sender, limited
from benchmarks.resilience.cluster import Cluster, running
from benchmarks.resilience.endurance.measured import Measured

_TRIES = 10_000
_AT_ONCE = 100
_PER_EDGE = 16  # `user_connections_max`
_EDGES = 2
_GROWTH_MAX = 32 * 2**20  # bytes of memory that an edge may keep afterwards
_DESCRIPTORS_MAX = 10  # that an edge may keep afterwards
_LATE_S = 2.0
_SETTLE_S = 5.0
_ANSWERED_S = 60.0


def measure(stack: str, _minutes: float, say: Callable[[str], None]) -> Measured:
    """Open them, beside two users who write to each other."""
    with running(stack, {}) as cluster:
        return asyncio.run(_measure(cluster, say))


async def _measure(cluster: Cluster, say: Callable[[str], None]) -> Measured:
    began_s = time.monotonic()
    async with aiohttp.ClientSession() as http:
        ann, bob = (Account(http, cluster.api, name, "d0") for name in ("ann", "bob"))
        receiver, stop = Receiver(bob), asyncio.Event()
        async with limited(_ANSWERED_S, "ann had not logged in"):
            await ann.log_in()
        online = asyncio.create_task(receiver.stay())
        await receiver.wait_online()
        sender = Sender(ann, ["d.ann.bob"], 0.05)
        sending = asyncio.create_task(sender.send_until(stop))
        before = cluster.usage()
        counts, held = await _flood(Account(http, cluster.api, "mallory", "d0"), say)
        during = cluster.connections() - 1
        for answering in held:
            answering.cancel()
        stop.set()
        async with limited(_ANSWERED_S, "the last message of ann was not answered"):
            await sending
        await asyncio.sleep(_SETTLE_S)
        after, left = cluster.usage(), cluster.connections() - 1
        got = receiver.seen.entries()["d.ann.bob"].values()
        missing = {each.message for each in sender.sent} - {each.message for each in got}
        online.cancel()
    slowest_s = max((each.acked_s or time.monotonic()) - each.sent_s for each in sender.sent)
    edges = [name for name in before if name.startswith("edge")]
    growth = max(after[name].rss_bytes - before[name].rss_bytes for name in edges)
    descriptors = max(after[name].descriptors - before[name].descriptors for name in edges)
    other = sum(counts.values()) - counts["accepted"] - counts["refused"]
    failures = [
        text
        for text, failed in (
            (f"{counts['accepted']} were accepted", counts["accepted"] != _PER_EDGE * _EDGES),
            (f"{during} connections were open", during != counts["accepted"]),
            (f"{other} were neither accepted nor refused: {dict(counts)}", other > 0),
            (f"{left} connections were left", left != 0),
            (f"{len(missing)} messages of others did not arrive", bool(missing)),
            (f"a message of others took {slowest_s:.1f} s", slowest_s > _LATE_S),
            (f"an edge grew by {growth / 2**20:.0f} MiB", growth > _GROWTH_MAX),
            (f"an edge kept {descriptors} descriptors", descriptors > _DESCRIPTORS_MAX),
        )
        if failed
    ]
    failures += cluster.restarts()
    figures = {
        "tried": float(_TRIES),
        "accepted": float(counts["accepted"]),
        "refused": float(counts["refused"]),
        "messages of others": float(len(sender.sent)),
        "slowest of them, ms": round(1000 * slowest_s, 1),
        "growth of an edge, MiB": round(growth / 2**20, 2),
        "descriptors kept by an edge": float(descriptors),
    }
    return Measured(time.monotonic() - began_s, figures, failures)


async def _flood(
    account: Account, say: Callable[[str], None]
) -> tuple[Counter[str], list[asyncio.Task[None]]]:
    """Open connections, to the edges in turn; return the tasks that keep the accepted ones."""
    urls: set[str] = set()
    async with limited(_ANSWERED_S, f"the logins did not name {_EDGES} edges"):
        while len(urls) < _EDGES:  # a login names one of the edges
            urls.add(await account.log_in())
    counts, held = Counter[str](), list[asyncio.Task[None]]()
    numbers = iter(range(_TRIES))

    async def open_some() -> None:
        for number in numbers:
            url = sorted(urls)[number % _EDGES]
            result, socket = await _open(account, url)
            counts[result] += 1
            held.extend([asyncio.create_task(_answer(socket))] if socket else [])
            if number % 1000 == 999:
                say(f"{number + 1:,} tried: {dict(counts)}")

    await asyncio.gather(*(open_some() for _ in range(_AT_ONCE)))
    return counts, held


async def _answer(socket: ClientConnection) -> None:
    """Answer the pings of a server until this task is cancelled; then cut the connection."""
    try:
        async for frame in socket:
            if "ping" in json.loads(frame):
                await socket.send('{"pong":{}}')
    finally:
        socket.transport.abort()


async def _open(account: Account, url: str) -> tuple[str, ClientConnection | None]:
    """Return what became of a connection, and the connection itself if it is open."""
    socket = None
    try:
        socket = await connect(
            url,
            subprotocols=["im.v1.json"],  # type: ignore[list-item]  # a NewType of str
            compression=None,
            proxy=None,
            ping_interval=None,
        )
        hello = {"token": account.token, "device": account.device, "cursors": {}}
        await socket.send(json.dumps({"connect": hello}))
        frame = json.loads(await asyncio.wait_for(socket.recv(), 30))
        if "connected" in frame:
            return "accepted", socket
        await socket.wait_closed()
        code = frame["error"]["code"]
        refused = (code, socket.close_code) == ("rate_limited", 1013)
        return "refused" if refused else f"{code} {socket.close_code}", None
    except (WebSocketException, OSError, TimeoutError) as error:
        return type(error).__name__, None
