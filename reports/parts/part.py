"""A part of a history: its records joined, and what is kept of it when its records are gone.

What is kept can be added up: findings, counts, and the columns from which latencies and the shares
of windows are computed when all parts are known.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gauntlet.reports import checks
from gauntlet.reports.checks import ack_content, late
from gauntlet.reports.checks._shared import lost_messages
from gauntlet.reports.checks.finding import Finding
from gauntlet.reports.history.arrays import Ints, Records, contains, distinct
from gauntlet.reports.history.history import History
from gauntlet.reports.history.times import order
from gauntlet.reports.metrics import exposure, leftovers, time_series, totals
from gauntlet.reports.parts.columns import Columns, columns_of
from gauntlet.reports.parts.context import Context
from gauntlet.reports.parts.seams import Ends, ends_of

# These compare what happened in different conversations, so that a part has no answer.
WHOLE_RUN = ("late", "unrecovered")


@dataclass(frozen=True)
class Part:
    """What is kept of a part; `sums` are the derived values of `SUMS` in their order.

    `contradiction` is a clause on times that cannot be true, empty if all can be. `records` is how
    many it had, and `ids` are those under which messages were acknowledged. `lost`: some are not
    stored. `ends` are known of a piece of a conversation.
    """

    findings: dict[str, Finding]
    contradiction: str
    sums: tuple[Any, ...]
    records: int
    ids: Ints
    lost: bool
    served: late.Served
    ends: Ends | None = None


# What is derived from each part and added up.
SUMS: tuple[Callable[[History], Any], ...] = (
    totals.totals_of_records,
    leftovers.leftovers_of,
    exposure.messages_under_way,
    time_series.presentations_per_second,
    time_series.sends_per_second,
)


def judge_part(
    context: Context, records: Records, index: Ints | None = None
) -> tuple[Part, Columns]:
    """Return what is to be kept of a part; HistoryError if its records do not fit together.

    For a piece of a conversation, `index` has the places of its own records in the shard.
    """
    history = context.history(records)
    contradictions = order.contradictions(
        history.records,
        history.user,
        history.events,
        history.messages,
        history.sessions.connections,
    )
    findings = {
        name: replace(checks.find(name, history), witnesses=())
        for name in checks.CHECKS
        if name not in WHOLE_RUN
    }
    part = Part(
        findings=findings,
        contradiction=next(iter(contradictions), ""),
        sums=tuple(history.once(derive) for derive in SUMS),
        records=records.size,
        lost=bool(lost_messages(history).any()),
        ids=ack_content.acknowledged_ids(history),
        served=late.served(history),
        ends=None if index is None else ends_of(history, index, findings),
    )
    columns = columns_of(history, records)
    # Some of what was derived refers to the history, which would outlive many parts otherwise.
    history.derived.clear()
    return part, columns


def shares_ids(parts: list[Ints]) -> list[int]:
    """Return which parts acknowledged messages under an id that another part has as well."""
    ids = np.concatenate([np.empty(0, dtype=np.int64), *parts])
    ids.sort()
    shared = distinct(ids[1:][ids[1:] == ids[:-1]])
    return [at for at, own in enumerate(parts) if shared.size and contains(shared, own).any()]
