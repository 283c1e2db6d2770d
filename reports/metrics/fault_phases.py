"""How the clients lived through each fault: noticed, connected again, no backlog left.

With the recovery (the SLA regained) these are the four steps of a failover. All times are those of
the clients. A step is None if nothing of its kind happened: a fault that ends no connection needs
no reconnect. A step that did not end while the load went on is NEVER.
"""

from dataclasses import dataclass

import numpy as np

from gauntlet.core.clock import NS_PER_MS, NS_PER_S
from gauntlet.reports.history.arrays import NEVER, Ints
from gauntlet.reports.history.events import FaultTimes
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics import latency, overdue, recovery
from gauntlet.reports.metrics.overdue import Overdue
from gauntlet.reports.metrics.recovery import Recovery
from gauntlet.reports.metrics.samples import Samples
from gauntlet.reports.metrics.slow_sends import slow_sends
from gauntlet.reports.metrics.windows import UNDER_WAY_NS, Span, arrivals_span

NOTICE_NS = NS_PER_S  # the end of a connection is noticed at most this late


@dataclass(frozen=True)
class Phases:
    """When the clients first noticed a fault, were all connected again, and had no backlog."""

    noticed_ns: int | None = None
    reconnected_ns: int | None = None
    drained_ns: int | None = None


@dataclass(frozen=True)
class Cost:
    """What a fault cost until the service had recovered from it.

    `late` acknowledgements and deliveries took longer than is normal, and `missing` deliveries were
    never made. `untried` sends were still in their queue when the load ended. `disconnected_s` adds
    up the time that users were without the connection they wanted.
    """

    messages: int
    late_acks: int
    late_deliveries: int
    refused: int
    untried: int
    unanswered: int
    missing: int
    missed: int
    users: int
    disconnected_users: int
    disconnected_s: float
    longest_s: float


def measure(history: History, fault: FaultTimes, found: Recovery) -> tuple[Phases, Cost] | None:
    """Return how the clients lived through a fault, and its cost; None if it did not act."""
    if fault.effective_ns is None:
        return None
    span = _span(history, fault, found)
    outages = _outages(history, span, fault)
    ack_ms, delivery_ms = recovery.limits_ms(history)
    affected = _affected(span)
    slow = [
        _Late(latency.ack(history), overdue.acks(history, ack_ms, affected), ack_ms, affected),
        _Late(
            latency.delivery(history),
            overdue.deliveries(history, delivery_ms, affected),
            delivery_ms,
            affected,
        ),
    ]
    lost = overdue.are_lost(history, slow[1].missing, affected, _end_ns(history))
    return _phases(history, span, outages, slow, lost=lost), _cost(history, span, outages, slow)


def _span(history: History, fault: FaultTimes, found: Recovery) -> Span:
    """Return from when until when a fault counts: from its request to the end of its recovery."""
    starts = [t_ns for t_ns in (fault.requested_ns, fault.effective_ns) if t_ns is not None]
    return min(starts), max(min(found.until_ns, _end_ns(history)), min(starts))


def _affected(span: Span) -> Span:
    """Return when the messages were intended that a fault concerns.

    It also delays what was under way when it was requested.
    """
    return span[0] - UNDER_WAY_NS, span[1]


def _end_ns(history: History) -> int:
    """Return when the load ended; in a run that was cut short, with its last record."""
    end_ns = arrivals_span(history.events)[1]
    return history.span_ns[1] if end_ns == NEVER else end_ns


class _Late:
    """The samples of a span of one kind that took longer than is normal, or never came."""

    def __init__(self, samples: Samples, slow: Overdue, limit_ms: float, span: Span) -> None:
        inside = samples.between(*span)
        self.missing = inside.size - inside.finite
        self.count = inside.count_above(limit_ms) - self.missing
        self._slow = slow
        self._begun_ns: Ints = slow.due_ns - int(limit_ms * NS_PER_MS)

    def before(self, end_ns: int) -> Overdue:
        """Return what users waited for before a time; others returned only after it."""
        begun = self._begun_ns < end_ns
        return Overdue(self._slow.due_ns[begun], self._slow.done_ns[begun])


def _outages(history: History, span: Span, fault: FaultTimes) -> Ints:
    """Return (session, begin, end) of the unwanted times without a connection that began then."""
    until_ns = span[1]
    if fault.healed_ns is not None:
        until_ns = max(until_ns, fault.healed_ns + NOTICE_NS)
    spans = history.once(_all_outages)
    found: Ints = spans[(spans[:, 1] >= span[0]) & (spans[:, 1] <= until_ns)]
    return found


def _all_outages(history: History) -> Ints:
    known = history.sessions.disconnections(_end_ns(history))
    return np.array(known, dtype=np.int64).reshape(-1, 3)


def _phases(
    history: History, span: Span, outages: Ints, slow: list[_Late], *, lost: bool
) -> Phases:
    end_ns = _end_ns(history)
    backlogs = [each for each in (late.before(end_ns) for late in slow) if each.due_ns.size]
    signs = [int(outages[:, 1].min())] if outages.size else []
    signs += [int(each.due_ns.min()) for each in backlogs]
    ends = [int(outages[:, 2].max())] if outages.size else []
    drained = [int(each.done_ns.max()) for each in backlogs]
    if any(done_ns >= end_ns for done_ns in drained) or lost:
        drained = [NEVER]
    return Phases(
        noticed_ns=max(span[0], min(signs)) if signs else None,
        # A session that is still without a connection when the load ends did not come back.
        reconnected_ns=next((NEVER if end >= end_ns else end for end in ends), None),
        drained_ns=max(drained, default=None),
    )


def _cost(history: History, span: Span, outages: Ints, slow: list[_Late]) -> Cost:
    sends, missed = history.once(slow_sends), history.missed
    first_ns, last_ns = affected = _affected(span)
    inside = (sends.intended_ns >= first_ns) & (sends.intended_ns < last_ns)
    unacked = inside & ~sends.acked
    untried = sends.rejected & ~sends.given_up & (sends.unanswered_ns != NEVER)
    took_s = (outages[:, 2] - outages[:, 1]) / NS_PER_S
    ack, delivery = slow
    users = history.sessions.users_of(outages[:, 0])
    return Cost(
        messages=latency.service(history).between(*affected).size,
        late_acks=ack.count,
        late_deliveries=delivery.count,
        refused=int((unacked & sends.rejected & ~untried).sum()),
        untried=int((unacked & untried).sum()),
        unanswered=int((unacked & sends.given_up & ~sends.rejected).sum()),
        missing=delivery.missing,
        missed=int(((missed.intended_ns >= span[0]) & (missed.intended_ns < span[1])).sum()),
        users=int(history.sessions.connected_users.size),
        disconnected_users=int(np.unique(users).size),
        disconnected_s=round(float(took_s.sum()), 3),
        longest_s=round(float(took_s.max(initial=0.0)), 3),
    )
