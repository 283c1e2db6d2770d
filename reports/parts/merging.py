"""Adds up what was kept of the parts: findings of each check, and a history for the metrics."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from gauntlet.reports.checks.finding import Counted, Finding
from gauntlet.reports.history.arrays import Ints, joined_records
from gauntlet.reports.history.connections import Sessions
from gauntlet.reports.history.deliveries import ExpectedDeliveries, Presentations
from gauntlet.reports.history.history import History
from gauntlet.reports.history.membership import MembershipIntervals
from gauntlet.reports.history.messages import collect_messages
from gauntlet.reports.metrics import latency
from gauntlet.reports.metrics.indicators import resync, sends
from gauntlet.reports.metrics.overdue import slow_returns
from gauntlet.reports.metrics.samples import Samples
from gauntlet.reports.metrics.slow_sends import slow_sends
from gauntlet.reports.parts.columns import Columns
from gauntlet.reports.parts.context import Context
from gauntlet.reports.parts.part import SUMS, Part
from gauntlet.reports.parts.shared_times import SharedTimes

_SAMPLES = ("ack", "service", "lag", "deliveries")  # the columns that are samples


def add_findings(findings: Sequence[Finding]) -> Finding:
    """Return the finding of a whole history from those of its parts, which have no witnesses."""
    first = next((each for each in findings if each.subject), findings[0])
    return replace(
        first,
        examined=sum(each.examined for each in findings),
        count=sum(each.count for each in findings),
        unknown=next((each.unknown for each in findings if each.unknown), ""),
        crashed=any(each.crashed for each in findings),
        nothing_seen=_unless_any(each.nothing_seen for each in findings if not each.not_applicable),
        not_applicable=_unless_any(
            each.not_applicable
            for each in sorted(findings, key=lambda each: each.unexamined, reverse=True)
        ),
        unexamined=sum(each.unexamined for each in findings),
        times_ns=_times_ns([each for each in findings if each.count]),
        doubts=_add_counted([each.doubts for each in findings if each.doubts]),
        aside=next(iter(_add_counted([(each.aside,) for each in findings if each.aside])), None),
    )


def _unless_any(sentences: Any) -> str:
    """Return the first sentence if all parts have one."""
    told = list(sentences)
    return told[0] if told and all(told) else ""


def _times_ns(findings: Sequence[Finding]) -> Ints | None:
    times = [each.times_ns for each in findings]
    known = [each for each in times if each is not None]
    return np.concatenate(known) if known and len(known) == len(times) else None


def _add_counted(rows: Sequence[tuple[Counted, ...]]) -> tuple[Counted, ...]:
    """Return the sums of numbers with the same sentence; all parts have the same sentences."""
    return tuple(
        Counted(column[0].sentence, sum(each.count for each in column))
        for column in zip(*rows, strict=True)
    )


def add_sums(values: Sequence[Any]) -> Any:
    """Return the sum of counts by name, or of columns of counts."""
    if isinstance(values[0], dict):
        return {name: sum(each[name] for each in values) for name in values[0]}
    return np.sum(values, axis=0)


class Tables:
    """The columns of all parts, which are joined one by one, so that only one is there twice."""

    def __init__(self) -> None:
        self._samples = SharedTimes(len(_SAMPLES))
        self._rows: dict[str, list[Any]] = {}

    def add(self, part: Columns) -> None:
        """Add the rows of a part."""
        self._samples.add([getattr(part, name) for name in _SAMPLES])
        for table in fields(part):
            rows = getattr(part, table.name)
            if not isinstance(rows, Samples):
                self._rows.setdefault(table.name, []).append(rows)

    def joined(self) -> Columns:
        """Return the columns of all parts, of which there must be one at least."""
        columns: dict[str, Any] = dict(zip(_SAMPLES, self._samples.samples(), strict=True))
        columns |= {name: _joined(rows) for name, rows in self._rows.items()}
        return Columns(**columns)


def _joined(tables: list[Any]) -> Any:
    """Return the rows of several arrays, or of several tables with the same columns."""
    first = tables[0]
    if first is None:
        return None
    if isinstance(first, np.ndarray):
        return joined_records(tables) if first.dtype.names else np.concatenate(tables)
    names = [column.name for column in fields(first)]
    columns = {name: np.concatenate([getattr(each, name) for each in tables]) for name in names}
    return replace(first, **columns)


def metrics_history(context: Context, parts: Sequence[Part], columns: Columns) -> History:
    """Return a history of what the metrics need: latencies, users and rooms.

    It has neither messages nor deliveries, and of the records only those about users and their
    stays in rooms. What the metrics derive from the others is there already.
    """
    records = joined_records([columns.rooms, context.users])
    events = context.events
    none, no = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.bool_)
    unused = ExpectedDeliveries(none, none, none, none, none, none, no)
    links = records["link"].astype(np.int64)
    history = History(
        scenario=context.scenario,
        events=events,
        names=context.names,
        records=records,
        user=context.names.user_of(links),
        session=context.names.session_of(links),
        messages=collect_messages(records[:0]),
        missed=columns.missed,
        sessions=Sessions(
            context.users, context.names, events.quiesce_started_ns, context.span_ns[0]
        ),
        never_connected=context.never_connected,
        membership=MembershipIntervals(records, context.names, frozenset()),
        presentations=Presentations(none, none, none, none, none, no, none, none),
        expected=unused,
        proven_stored_ns=none,
        expected_unanswered=unused,
        capabilities=context.capabilities,
        traits=context.traits,
        span_ns=context.span_ns,
    )
    for derive, values in zip(SUMS, zip(*(part.sums for part in parts), strict=True), strict=True):
        history.derived[derive] = add_sums(values)
    kept: dict[Callable[[History], Any], Any] = {
        latency.ack_samples: columns.ack,
        latency.service_samples: columns.service,
        latency.lag_samples: columns.lag,
        latency.delivery_samples: columns.deliveries,
        slow_sends: columns.slow,
        slow_returns: columns.returns,
        sends.acked_times: columns.acked_ns,
        resync.arrivals: columns.arrivals,
    }
    history.derived.update({derive: rows for derive, rows in kept.items() if rows is not None})
    return history
