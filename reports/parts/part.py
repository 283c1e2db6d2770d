"""A part of a history: its records joined, and what is kept of it when its records are gone.

What is kept can be added up: findings, counts, and the columns from which latencies and the shares
of windows are computed when all parts are known.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gauntlet.core.history import Kind
from gauntlet.reports import checks
from gauntlet.reports.checks import ack_content, late
from gauntlet.reports.checks._shared import lost_messages
from gauntlet.reports.checks.finding import Finding
from gauntlet.reports.history.arrays import Ints, Records, contains, distinct, is_any
from gauntlet.reports.history.history import History
from gauntlet.reports.history.messages import Messages, MissedArrivals
from gauntlet.reports.history.times import order
from gauntlet.reports.metrics import exposure, latency, leftovers, time_series, totals
from gauntlet.reports.metrics.indicators import resync
from gauntlet.reports.parts.context import Context

# These compare what happened in different conversations, so that a part has no answer.
WHOLE_RUN = ("late", "unrecovered")
ROOM_KINDS = (Kind.ROOM, Kind.ATTEND)


@dataclass(frozen=True)
class Part:
    """What is kept of a part; `sums` are the derived values of `SUMS` in their order.

    `contradiction` is a clause on times that cannot be true, empty if all can be. `records` is how
    many it had, and `ids` are those under which messages were acknowledged. `lost`: some are not
    stored.
    """

    findings: dict[str, Finding]
    contradiction: str
    sums: tuple[Any, ...]
    records: int
    ids: Ints
    lost: bool
    served: late.Served


@dataclass(frozen=True)
class Columns:
    """The columns that are kept of a part; `rooms` are the records of stays in rooms."""

    messages: Messages
    missed: MissedArrivals
    deliveries: latency.Samples
    arrivals: resync.Arrivals | None
    rooms: Records


# What is derived from each part and added up.
SUMS: tuple[Callable[[History], Any], ...] = (
    totals.totals_of_records,
    leftovers.leftovers_of,
    exposure.messages_under_way,
    time_series.presentations_per_second,
)


def judge_part(context: Context, records: Records) -> tuple[Part, Columns]:
    """Return what is to be kept of a part; HistoryError if its records do not fit together."""
    history = context.history(records)
    contradictions = order.contradictions(
        history.records,
        history.user,
        history.events,
        history.messages,
        history.sessions.connections,
    )
    indicators = {objective.indicator for objective in context.scenario.sla}
    part = Part(
        findings={
            name: replace(checks.find(name, history), witnesses=())
            for name in checks.CHECKS
            if name not in WHOLE_RUN
        },
        contradiction=next(iter(contradictions), ""),
        sums=tuple(history.once(derive) for derive in SUMS),
        records=records.size,
        lost=bool(lost_messages(history).any()),
        ids=ack_content.acknowledged_ids(history),
        served=late.served(history),
    )
    return part, Columns(
        messages=_without_identities(history.messages),
        missed=history.missed,
        deliveries=latency.delivery(history),
        arrivals=resync.arrivals(history) if "live_missed_ratio" in indicators else None,
        rooms=records[is_any(records["kind"], ROOM_KINDS)],
    )


def _without_identities(messages: Messages) -> Messages:
    """Return the messages without what only checks and witnesses need."""
    none = np.empty(0, dtype=np.int64)
    return replace(
        messages,
        of_record=none,
        conv=none,
        author=none,
        sseq=none,
        position=none,
        stored=none.astype(np.bool_),
    )


def shares_ids(parts: list[Ints]) -> list[int]:
    """Return which parts acknowledged messages under an id that another part has as well."""
    ids = np.concatenate([np.empty(0, dtype=np.int64), *parts])
    ids.sort()
    shared = distinct(ids[1:][ids[1:] == ids[:-1]])
    return [at for at, own in enumerate(parts) if shared.size and contains(shared, own).any()]
