"""A room of 100,000 members: it fills, refuses one more, and delivers to those who are online."""

import asyncio
import contextlib
import time
from collections.abc import Callable

import aiohttp

from benchmarks.resilience.client import Account, Receiver, Sender, limited
from benchmarks.resilience.cluster import Cluster, by_role, running
from benchmarks.resilience.endurance.measured import Measured
from benchmarks.resilience.observations import Entry
from benchmarks.resilience.population import reached

MEMBERS = 100_000  # the limit of the server
_AT_ONCE = 128
_ONLINE = 20
_TRIES = 5
_LIST_S = 30.0
_MESSAGES = 50
_FOUNDED_S = 60.0
_FILLED_S = 3600.0
_ANSWERED_S = 60.0
_DELIVERED_S = 30.0
_ROOM = "r.everyone"
_CONFIG = {"user_room_calls_per_s": 1_000_000, "user_room_calls_burst": 1_000_000}


def measure(stack: str, _minutes: float, say: Callable[[str], None]) -> Measured:
    """Fill the room, and use it."""
    with running(stack, _CONFIG) as cluster:
        return asyncio.run(_measure(cluster, say))


async def _measure(cluster: Cluster, say: Callable[[str], None]) -> Measured:
    began_s = time.monotonic()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_AT_ONCE)) as http:
        founder = Account(http, cluster.api, "u0", "d0")
        async with limited(_FOUNDED_S, "the room was not founded"):
            await founder.log_in()
            await founder.insist("PUT", _path("u0"))
        async with limited(_FILLED_S, "the room was not full"):
            fill_s = await _fill(founder, say)
        status, _ = await founder.call("PUT", _path("one-more"))
        listed, list_s = await _listed(founder)
        delivery_s, missing = await _use(http, cluster, founder)
    usage = by_role(cluster.usage())
    failures = [
        text
        for text, failed in (
            (f"one more member was answered {status}", status != 403),
            (f"{listed} members are listed", listed != MEMBERS),
            (f"{missing} messages did not arrive", missing > 0),
        )
        if failed
    ]
    failures += cluster.restarts()
    figures = {
        "members": float(listed),
        "additions per second": round(MEMBERS / fill_s, 1),
        "list of members, ms": round(1000 * list_s, 1),
        "slowest delivery, ms": round(1000 * delivery_s, 1),
        **{f"{role}, MiB": round(each.rss_bytes / 2**20, 1) for role, each in usage.items()},
    }
    return Measured(time.monotonic() - began_s, figures, failures)


def _path(user: str) -> str:
    return f"/v1/rooms/{_ROOM}/members/{user}"


async def _fill(founder: Account, say: Callable[[str], None]) -> float:
    began_s = time.monotonic()
    numbers = iter(range(1, MEMBERS))

    async def add() -> None:
        for number in numbers:
            await founder.insist("PUT", _path(f"u{number}"))
            if number % 10_000 == 0:
                say(f"{number:,} members after {time.monotonic() - began_s:.0f} s")

    await asyncio.gather(*(add() for _ in range(_AT_ONCE)))
    return time.monotonic() - began_s


async def _listed(founder: Account) -> tuple[int, float]:
    """Return how many members are listed, and how long that took; 0 without an answer."""
    for _ in range(_TRIES):
        began_s = time.monotonic()
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            path = f"/v1/rooms/{_ROOM}/members"
            status, answer = await founder.call("GET", path, timeout_s=_LIST_S)
            if status == 200:
                return len(answer["members"]), time.monotonic() - began_s
        await founder.pause()
    return 0, time.monotonic() - began_s


async def _use(
    http: aiohttp.ClientSession, cluster: Cluster, founder: Account
) -> tuple[float, int]:
    """Send to members who are online; return the slowest delivery, and how many are missing."""
    step = MEMBERS // _ONLINE
    receivers = [
        Receiver(Account(http, cluster.api, f"u{number}", "d0"))
        for number in range(1, MEMBERS, step)
    ]
    online = [asyncio.create_task(each.stay()) for each in receivers]
    await asyncio.gather(*(each.wait_online() for each in receivers))
    sender, slowest_s, missing = Sender(founder, [_ROOM], 0.1), 0.0, 0
    for _ in range(_MESSAGES):
        async with limited(_ANSWERED_S, "a message was not answered"):
            message = await sender.send_one()

        def is_everywhere(seq: int | None = message.seq) -> bool:
            return all(_has(receiver, seq) for receiver in receivers)

        began_s = time.monotonic()
        if not await reached(is_everywhere, _DELIVERED_S):
            missing += 1
        slowest_s = max(slowest_s, time.monotonic() - began_s)
    for task in online:
        task.cancel()
    return slowest_s, missing


def _has(receiver: Receiver, seq: int | None) -> bool:
    frames = receiver.seen.connections[-1].frames
    pushed = any(isinstance(each, Entry) and each.seq == seq for each in frames)
    return pushed or any(each.seq == seq for each in receiver.seen.read)
