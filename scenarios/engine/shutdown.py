"""Ends a load in order: quiesce, audit, reconciliation.

After the last arrival, messages are still on their way. The load waits for them (quiesce), then
reads back what the system has stored (audit), closes all connections, and writes the row
`reconciliation`, which states how many sends and deliveries the files must contain.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from gauntlet.core import clock
from gauntlet.core.scenario import secrets
from gauntlet.core.scenario.capabilities import HISTORY
from gauntlet.core.scenario.model import QUIESCE_MAX_S
from gauntlet.scenarios.engine.assembly import Assembly
from gauntlet.scenarios.engine.audit import Audit
from gauntlet.scenarios.engine.dispatcher import Dispatcher

_QUIESCE_MARGIN_S = 0.5
_POLL_S = 0.05
_DEFAULT_HEADS_POLL_MS = 2_000


async def wind_down(
    parts: Assembly,
    dispatcher: Dispatcher,
    enter_phase: Callable[[str], None],
    write_second: Callable[[int], None],
    aborted: asyncio.Event,
) -> None:
    """End the load in order; stop halfway if `aborted` is set meanwhile."""
    ending = asyncio.create_task(_end_in_order(parts, dispatcher, enter_phase, write_second))
    aborting = asyncio.create_task(aborted.wait())
    await asyncio.wait({ending, aborting}, return_when=asyncio.FIRST_COMPLETED)
    for task in (ending, aborting):
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await ending


async def _end_in_order(
    parts: Assembly,
    dispatcher: Dispatcher,
    enter_phase: Callable[[str], None],
    write_second: Callable[[int], None],
) -> None:
    enter_phase("quiesce")
    await _quiesce(parts)
    enter_phase("audit")
    audited, unread = await _audit(parts)
    write_second(clock.now_ns())
    intended = await dispatcher.intended()
    for session in parts.sessions.values():
        session.stop()
    # Pending requests are cancelled: their answers would add records after the count below.
    await parts.transport.shut()
    parts.files.history.flush()
    row = reconciliation(parts, intended, audited, unread)
    parts.files.journal.write("reconciliation", **row)
    enter_phase("flushed")


async def _quiesce(parts: Assembly) -> None:
    """Bring every user online, and wait until all sends and deliveries have come to their end.

    The wait lasts at least as long as the server may take to repair a gap, because nothing else
    reveals what is not expected: a late duplicate, or a message that was never sent. It lasts
    `QUIESCE_MAX_S` at most; what is still unanswered then is recorded as unknown, and positions
    that were announced and never found are recorded as such.
    """
    ledger, sessions = parts.plan.ledger, parts.sessions
    for session in sessions.values():
        session.start()

    def settled() -> bool:
        return ledger.settled() and all(
            session.connected and not session.receiver.behind for session in sessions.values()
        )

    server = secrets.settings(parts.plan.load.scenario.target.server)
    repair_s = float(server.get("heads_poll_ms", _DEFAULT_HEADS_POLL_MS)) / 1000
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    earliest_s = start_s + min(repair_s + _QUIESCE_MARGIN_S, QUIESCE_MAX_S)
    while loop.time() < earliest_s or (not settled() and loop.time() < start_s + QUIESCE_MAX_S):
        await asyncio.sleep(_POLL_S)
    for session in sessions.values():
        session.send_queue.abandon()
        session.receiver.record_unfound()


async def _audit(parts: Assembly) -> tuple[int, int]:
    """Audit the conversations that were used; return how many, and how many were not read whole."""
    plan = parts.plan
    audited = [
        conv
        for conv in plan.traffic.conversations.values()
        if HISTORY in plan.adapter.capabilities
        and (plan.ledger.used(conv.number) or conv in parts.readiness)
    ]
    audit = Audit(parts.context, parts.transport, parts.sessions, parts.files.journal)
    await audit.run(audited)
    return len(audited), audit.unread


def reconciliation(parts: Assembly, intended: int, audited: int, unread: int) -> dict[str, Any]:
    """Return the row `reconciliation`: the counts that a reader of the files must arrive at."""
    ledger = parts.plan.ledger
    return {
        "worker": parts.plan.stripe.worker,
        "intended": intended,
        "missed": ledger.missed,
        "ops": ledger.ops,
        "acked": ledger.acked,
        "rejected": ledger.rejected,
        "untried": ledger.untried,
        "unknown": ledger.unknown,
        "expected": ledger.expected,
        "presented": ledger.presented,
        "missing": ledger.missing,
        "removals": ledger.removals,
        "audited": audited,
        "unread": unread,
        "records": parts.files.history.counts(),
    }
