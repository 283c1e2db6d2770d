"""A mixed load in which connections, logins and rooms come and go, for minutes or hours.

Memory must not grow. When all users have left, no task or key may be left of them, and no more
descriptors than at the beginning of the load.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable

import aiohttp

from benchmarks.resilience.client import Account, limited
from benchmarks.resilience.cluster import Cluster, by_role, running
from benchmarks.resilience.endurance.measured import Measured, slope
from benchmarks.resilience.endurance.warm_up import fill_caches
from benchmarks.resilience.examination import violations
from benchmarks.resilience.population import Population

_USERS = 24
_PAUSE_S = 1.0
_CONFIG = {"ping_ms": 2_000, "pong_ms": 1_500, "grace_ms": 3_000}
_DROP_S = 0.5  # between two lost connections
_ROOM_S = 2.0  # between two rooms that are founded and left
_SAMPLE_S = 2.0
_FILLED_S = 900.0
_SETTLE_S = 120.0  # more than a lease and the keep-alive of idle HTTP connections need
_POLL_S = 2.0
_ANSWERED_S = 60.0
_DELIVERED_S = 60.0
_READ_S = 120.0
_GROWTH_MAX = 0.1  # of its memory, in an hour
_GROWTH_MIN_MIB = 4.0  # less is no growth that can be told from noise
_DESCRIPTORS_MAX = 16
_TASKS_MAX = 3


def measure(stack: str, minutes: float, say: Callable[[str], None]) -> Measured:
    """Load a server for so many minutes, and look at what it uses."""
    with running(stack, _CONFIG) as cluster:
        return asyncio.run(_measure(cluster, minutes, say))


async def _measure(cluster: Cluster, minutes: float, say: Callable[[str], None]) -> Measured:
    began_s = time.monotonic()
    before = _held(cluster)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        async with limited(_FILLED_S, "the caches were not filled"):
            await fill_caches(http, cluster.api, say)
        population = Population(http, cluster.api, _USERS, "c", _PAUSE_S)
        await population.found()
        online = [asyncio.create_task(each.stay()) for each in population.receivers]
        await asyncio.gather(*(each.wait_online() for each in population.receivers))
        stop = asyncio.Event()
        visitor = Account(http, cluster.api, "c-visitor", "d0")
        async with limited(_ANSWERED_S, "a visitor had not logged in"):
            await visitor.log_in()
        work = [asyncio.create_task(each.send_until(stop)) for each in population.senders]
        work += [
            asyncio.create_task(_lose_connections(population, stop)),
            asyncio.create_task(_found_rooms(visitor, stop)),
        ]
        # Pools of connections to the stores keep the size that the first logins needed.
        before |= {key: held for key, held in _held(cluster).items() if key[0] == "descriptors"}
        memory = await _sampled(cluster, minutes, say)
        stop.set()
        async with limited(_ANSWERED_S, "the last messages were not answered"):
            await asyncio.gather(*work)
        complete = await population.is_complete(_DELIVERED_S)
        for task in online:
            task.cancel()
        ended = await asyncio.gather(*online, return_exceptions=True)
        async with limited(_READ_S, "the conversations could not be read"):
            broken = violations(await population.observations())
    left, missing = await _left(cluster, before)
    failures = [f"{each.promise}: {each.text}" for each in broken[:10]]
    failures += [] if complete else ["some messages were not delivered"]
    failures += [f"a client failed: {each!r}" for each in ended if isinstance(each, Exception)]
    failures += [*cluster.restarts(), *missing]
    figures = {
        "minutes": minutes,
        "messages": float(population.acked),
        "connections": float(sum(len(each.seen.connections) for each in population.receivers)),
    }
    _add_growth(memory, figures, failures)
    for name in sorted({name for name, _ in left}):
        figures[f"{name} left"] = max(count for (each, _), count in left.items() if each == name)
    failures += _too_many(left)
    return Measured(time.monotonic() - began_s, figures, failures)


async def _lose_connections(population: Population, stop: asyncio.Event) -> None:
    stream = random.Random("connections")
    while not stop.is_set():
        await asyncio.sleep(stream.expovariate(1 / _DROP_S))
        stream.choice(population.receivers).drop()


async def _found_rooms(visitor: Account, stop: asyncio.Event) -> None:
    """Found a room, write to it, and leave it."""
    number = 0
    while not stop.is_set():
        await asyncio.sleep(_ROOM_S)
        number += 1
        room = f"r.c-short-{number}"
        mine = f"/v1/rooms/{room}/members/{visitor.user}"
        await visitor.insist("PUT", mine)
        message = {"client_msg_id": f"short-{number}", "body": "x" * 100}
        await visitor.insist("POST", f"/v1/conversations/{room}/messages", message)
        await visitor.insist("DELETE", mine)


Samples = dict[str, list[tuple[float, float]]]


async def _sampled(cluster: Cluster, minutes: float, say: Callable[[str], None]) -> Samples:
    """Return the memory of each role, in MiB, at times in seconds."""
    found: Samples = defaultdict(list)
    began_s = time.monotonic()
    shown = 0
    while (now_s := time.monotonic() - began_s) < 60 * minutes:
        usage = by_role(await asyncio.to_thread(cluster.usage))
        for role, each in usage.items():
            found[role].append((now_s, each.rss_bytes / 2**20))
        if now_s > 60 * shown:
            shown += 1
            total = sum(each.rss_bytes for each in usage.values()) / 2**20
            say(f"minute {shown} of {minutes:g}: {total:.0f} MiB")
        await asyncio.sleep(_SAMPLE_S)
    return found


def _add_growth(memory: Samples, figures: dict[str, float], failures: list[str]) -> None:
    for role, samples in memory.items():
        times, values = zip(*samples, strict=True)
        mean = sum(values) / len(values)
        figures[f"{role}, MiB"] = round(mean, 1)
        found = slope(times, values)
        if found is None:
            continue
        figures[f"{role}, MiB per hour"] = round(found.per_hour, 2)
        figures[f"{role}, MiB per hour, low"] = round(found.low, 2)
        figures[f"{role}, MiB per hour, high"] = round(found.high, 2)
        if found.low > max(_GROWTH_MIN_MIB, _GROWTH_MAX * mean):
            failures.append(f"{role} grows by at least {found.low:.1f} MiB an hour")


# What is held, by its name and the component that holds it.
Held = dict[tuple[str, str], float]


def _held(cluster: Cluster) -> Held:
    found: Held = {
        ("connections", "the edges"): float(cluster.connections()),
        ("keys", "the registry"): float(cluster.keys()),
    }
    for name, usage in cluster.usage().items():
        found["descriptors", name] = float(usage.descriptors)
    for name, tasks in cluster.metrics("tasks").items():
        found["tasks", name] = tasks
    return found


async def _left(cluster: Cluster, before: Held) -> tuple[Held, list[str]]:
    """Return what is held in addition to what was before, when it has settled.

    Also returns a sentence about everything that was known before and is not any more, as of a
    component that has ended: it counts neither as held nor as released.
    """
    deadline = time.monotonic() + _SETTLE_S
    while True:
        now = _held(cluster)
        left = {key: now[key] - held for key, held in before.items() if key in now}
        missing = [f"{component} shows no {name}" for name, component in before.keys() - now.keys()]
        if not (missing or _too_many(left)) or time.monotonic() > deadline:
            return left, sorted(missing)
        await asyncio.sleep(_POLL_S)


def _too_many(left: Held) -> list[str]:
    limits = {"descriptors": _DESCRIPTORS_MAX, "tasks": _TASKS_MAX}
    return [
        f"{component} keeps {count:g} {name}"
        for (name, component), count in left.items()
        if count > limits.get(name, 0)
    ]
