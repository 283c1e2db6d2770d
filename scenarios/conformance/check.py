"""Runs all probes against a live server, within a time limit."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from gauntlet.core.scenario.capabilities import ROOMS
from gauntlet.scenarios.conformance import connections, messages, stored
from gauntlet.scenarios.conformance.bench import Attempt, Bench
from gauntlet.scenarios.conformance.findings import Finding, Row, compare
from gauntlet.scenarios.conformance.subject import Subject
from gauntlet.scenarios.metrics.error_log import ErrorCount
from gauntlet.scenarios.network import preparation
from gauntlet.scenarios.workloads.entities import direct_conversation

TIMEOUT_S = 90.0


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a check: no rows if not even two users could connect.

    `errors` is what went wrong meanwhile, the most frequent first.
    """

    rows: list[Row]
    connected: bool
    errors: list[ErrorCount]


def check(subject: Subject, timeout_s: float = TIMEOUT_S) -> Report:
    """Try everything on the live server; ConfigError if the adapter or an address is unusable."""
    return asyncio.run(_check(subject, timeout_s))


async def _check(subject: Subject, timeout_s: float) -> Report:
    findings: list[Finding] = []
    bench = Bench(subject)
    connected = False
    async with bench:
        try:
            async with asyncio.timeout(timeout_s):
                async for finding in _probe(bench):
                    findings.append(finding)  # noqa: PERF401 - each is kept if time runs out
        except TimeoutError:
            pass  # what was not tried is unknown
        connected = bool(findings)
    if bench.failure is not None:
        raise bench.failure
    rows = compare(findings, bench.capabilities) if connected else []
    return Report(rows, connected, bench.errors.counts())


async def _probe(bench: Bench) -> AsyncIterator[Finding]:
    """Yield all findings; none if the users cannot connect.

    Probes that cut connections come last, because they may leave a broken adapter disconnected.
    """
    first, second = bench.users[:2]
    planned = direct_conversation(first, second)
    conv = bench.conversation(planned.name, (first, second))
    if ROOMS in bench.capabilities:  # codecs learn their conversations when they connect
        connections.room_of(bench)
    await _prepare(bench)
    clients = [bench.client(user) for user in bench.users]
    accepted = await asyncio.gather(*(client.connect() for client in clients))
    if not all(accepted):
        return
    sender, receiver, *others = clients
    sent: list[Attempt] = []
    async for finding in messages.probe_messages(sender, receiver, conv, sent):
        yield finding
    if not sent:
        return
    probes = [
        stored.probe_history(receiver, conv, sent),
        messages.probe_retry(sender, receiver, conv),
        connections.probe_rooms(sender, [receiver, *others]),
        connections.probe_devices(sender, receiver, conv),
        connections.probe_resume(sender, receiver, conv),
        stored.probe_heads(receiver, conv, max(_seq(attempt) for attempt in sent)),
        connections.probe_strangers(bench, conv),
    ]
    for probe in probes:
        async for finding in probe:
            yield finding


async def _prepare(bench: Bench) -> None:
    """Create what the users need, before any client exists; StackError if that fails."""
    names = {user.number: user.name for user in bench.users}
    members = {
        conv.name: [names[number] for number in conv.members]
        for conv in bench.context.conversations.values()
    }
    requests = bench.adapter.prepare([user.account for user in bench.users], members)
    if requests is not None:
        await preparation.carry_out(requests, bench.transport)


def _seq(attempt: Attempt) -> int:
    return attempt.sent.seq if attempt.sent is not None else 0
