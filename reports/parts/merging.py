"""Adds up what was kept of the parts: findings of each check, and a history for the metrics."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from gauntlet.reports.checks.finding import Counted, Finding
from gauntlet.reports.history.arrays import Ints, Records
from gauntlet.reports.history.connections import Sessions
from gauntlet.reports.history.deliveries import ExpectedDeliveries, Presentations
from gauntlet.reports.history.history import History
from gauntlet.reports.history.membership import MembershipIntervals
from gauntlet.reports.metrics import latency
from gauntlet.reports.metrics.indicators import resync
from gauntlet.reports.parts.context import Context
from gauntlet.reports.parts.part import SUMS, Columns, Part


def add_findings(findings: Sequence[Finding]) -> Finding:
    """Return the finding of a whole history from those of its parts, which have no witnesses."""
    first = next((each for each in findings if each.subject), findings[0])
    return replace(
        first,
        examined=sum(each.examined for each in findings),
        count=sum(each.count for each in findings),
        unknown=next((each.unknown for each in findings if each.unknown), ""),
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
        self._columns: dict[tuple[str, str], list[Any]] = {}
        self._first: Columns | None = None
        self._censored = False

    def add(self, part: Columns) -> None:
        """Add the rows of a part."""
        self._first = self._first or part
        self._censored |= part.deliveries.lower_bound_ms is not part.deliveries.ms
        for table in fields(part):
            rows = getattr(part, table.name)
            if table.name == "rooms":
                self._columns.setdefault(("rooms", ""), []).append(rows)
            elif rows is not None:
                for column in fields(rows):
                    values = getattr(rows, column.name)
                    self._columns.setdefault((table.name, column.name), []).append(values)

    def rooms(self) -> Records:
        """Return the records of stays in rooms."""
        rooms: Records = self._join("rooms", "")
        return rooms

    def table(self, name: str) -> Any:
        """Return a table of all parts, None if they have none of that name."""
        rows = getattr(self._first, name)
        if rows is None:
            return None
        return replace(rows, **{each.name: self._join(name, each.name) for each in fields(rows)})

    def deliveries(self) -> latency.Samples:
        """Return the samples of all deliveries, sorted by their intended times."""
        if not self._censored:
            # Then the lower bounds are the values themselves.
            del self._columns["deliveries", "lower_bound_ms"]
        intended_ns = self._join("deliveries", "intended_ns")
        order = np.argsort(intended_ns, kind="stable")
        intended_ns = intended_ns[order]
        ms = self._join("deliveries", "ms")[order]
        lower_ms = self._join("deliveries", "lower_bound_ms")[order] if self._censored else ms
        return latency.Samples(intended_ns, ms, lower_ms)

    def _join(self, table: str, column: str) -> Any:
        return np.concatenate(self._columns.pop((table, column)))


def outline(context: Context, parts: Sequence[Part], tables: Tables) -> History:
    """Return a history of what the metrics need: messages, latencies, users and rooms.

    It has no deliveries, and of the records only those about users and their stays in rooms.
    """
    records = np.concatenate([tables.rooms(), context.users])
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
        messages=tables.table("messages"),
        missed=tables.table("missed"),
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
    history.derived[latency.delivery_samples] = tables.deliveries()
    if (came := tables.table("arrivals")) is not None:
        history.derived[resync.arrivals] = came
    return history
