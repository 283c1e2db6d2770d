"""Kills and stops random components under traffic, and examines what was promised."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import aiohttp

from benchmarks.resilience.client import NotServed
from benchmarks.resilience.cluster import Cluster, running
from benchmarks.resilience.disruptions import Disruption, Disruptions
from benchmarks.resilience.examination import PROMISES, Violation, violations
from benchmarks.resilience.observations import Observations
from benchmarks.resilience.population import Population, reached
from benchmarks.resilience.records import KillsRecord, evidence
from benchmarks.resilience.restoration import Control, Restored, restore
from gauntlet.core.errors import StackError

STACKS = ("embedded", "full")
_USERS = 24
_PAUSE_S = 0.5
_LANES = 3
_WARM_UP_S = 2.0
_ANSWERED_S = 60.0  # after the last disruption, for every send
_DELIVERED_S = 60.0  # after that, for every device
_READ_S = 120.0
_EXAMPLES = 5
_CONFIG = {"ping_ms": 2_000, "pong_ms": 1_500, "grace_ms": 3_000}


class Ending(NamedTuple):
    """How a run ended: what failed until then, and what the server and the clients did not do."""

    complete: bool
    errors: Sequence[str]
    not_restored: Sequence[str]
    client_errors: Sequence[str]
    seconds: float


def run(stack: str, seed: int, count: int, *, hooks: Sequence[str] = ()) -> KillsRecord:
    """Run a stack, disrupt it so many times under traffic, and return what was found.

    `hooks` are start-up hooks of the services that commit messages, such as a seeded bug. Errors
    are those of the boot; a server that fails later is a finding.
    """
    bug, began_s = ",".join(hooks), time.monotonic()
    with running(stack, _CONFIG, hooks) as cluster:
        try:
            return asyncio.run(_disrupted(cluster, stack, seed, count, bug))
        except (StackError, NotServed) as error:
            ending = Ending(False, (), (str(error),), (), time.monotonic() - began_s)
            return record_of(stack, seed, bug, Observations(), (), ending)


async def _disrupted(cluster: Cluster, stack: str, seed: int, count: int, bug: str) -> KillsRecord:
    began_s = time.monotonic()
    names = cluster.names()
    disruptions = Disruptions(cluster.control, names, seed)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        population = Population(http, cluster.api, _USERS, f"k{seed}", _PAUSE_S)
        await population.found()
        online = [asyncio.create_task(each.stay()) for each in population.receivers]
        await asyncio.gather(*(each.wait_online() for each in population.receivers))
        stop = asyncio.Event()
        sending = [asyncio.create_task(each.send_until(stop)) for each in population.senders]
        await asyncio.sleep(_WARM_UP_S)
        await disruptions.run(count, _LANES)
        restored = await asyncio.to_thread(_restored, cluster.control, names)
        stop.set()
        complete = await reached(lambda: all(task.done() for task in sending), _ANSWERED_S)
        complete = await population.is_complete(_DELIVERED_S) and complete
        # What is read now has everything that was acknowledged or pushed before.
        for task in (*online, *sending):
            task.cancel()
        ended = await asyncio.gather(*online, *sending, return_exceptions=True)
        crashes = [repr(each) for each in ended if isinstance(each, Exception)]
        try:
            seen = await asyncio.wait_for(population.observations(), _READ_S)
        except TimeoutError:
            seen, complete = population.unread(), False
            crashes.append(f"the conversations could not be read within {_READ_S:g} s")
    ending = Ending(
        complete=complete,
        errors=(*disruptions.errors, *restored.errors),
        not_restored=restored.missing,
        client_errors=crashes,
        seconds=time.monotonic() - began_s,
    )
    return record_of(stack, seed, bug, seen, disruptions.done, ending)


def _restored(control: Control, names: Sequence[str]) -> Restored:
    """Restore the components; a control API that does not answer has lost all of them."""
    try:
        return restore(control, names)
    except StackError as error:
        return Restored((), (str(error),))


def record_of(
    stack: str,
    seed: int,
    bug: str,
    seen: Observations,
    done: Sequence[Disruption],
    ending: Ending,
) -> KillsRecord:
    """Return the record of a run."""
    found = violations(seen)
    counts = Counter(violation.promise for violation in found)
    disruptions: dict[str, dict[str, int]] = {}
    for each in done:
        of_action = disruptions.setdefault(each.action, {})
        of_action[each.component] = of_action.get(each.component, 0) + 1
    acked = sum(each.acked_s is not None for each in seen.sent)
    refused = sum(each.refused for each in seen.sent)
    return KillsRecord(
        stack=stack,
        seed=seed,
        bug=bug,
        seconds=round(ending.seconds, 1),
        disruptions=disruptions,
        acked=acked,
        refused=refused,
        unanswered=len(seen.sent) - acked - refused,
        received=sum(
            len(entries) for device in seen.devices for entries in device.entries().values()
        ),
        connections=sum(len(device.connections) for device in seen.devices),
        complete=ending.complete,
        violations={name: counts[name] for name in PROMISES},
        examples=_examples(found),
        errors=tuple(ending.errors),
        not_restored=tuple(ending.not_restored),
        client_errors=tuple(ending.client_errors),
        evidence=evidence(),
    )


def _examples(found: Iterable[Violation]) -> tuple[str, ...]:
    """Return some sentences of each kind of violation."""
    kept: Counter[str] = Counter()
    texts = []
    for violation in found:
        kept[violation.promise] += 1
        if kept[violation.promise] <= _EXAMPLES:
            texts.append(f"{violation.promise}: {violation.text}")
    return tuple(texts)
