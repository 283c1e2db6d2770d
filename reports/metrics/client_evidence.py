"""What the clients recorded of a disturbance: disconnects, unanswered sends, and a latency jump.

It proves faults that have no proof of their own, and it shows undeclared disturbances.
docs/reference/faults.md defines the terms.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.scenario.catalog import TOXIPROXY_SOURCE
from gauntlet.reports.history.arrays import NEVER, Bools, Ints
from gauntlet.reports.history.events import Events, FaultTimes
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics import availability, latency
from gauntlet.reports.metrics.samples import Samples
from gauntlet.reports.metrics.slow_sends import slow_sends
from gauntlet.reports.metrics.windows import Span, baseline

NOTICE_NS = NS_PER_S  # an end of a connection is noticed at most this late
BASELINE_MIN = 100
JUMP_FACTOR, JUMP_MS = 1.5, 50.0
JUMP_SHARE, JUMP_MIN = 0.1, 5
_RUNNING_PROXIES = (f"{TOXIPROXY_SOURCE}>", "client>")


@dataclass(frozen=True)
class ClientEvidence:
    """What the clients recorded in a span; `limit_ms` is None without a baseline.

    `slow` of `examined` messages took longer than `limit_ms` to be acknowledged.
    """

    disconnects: int
    unanswered: int
    slow: int
    examined: int
    limit_ms: float | None

    @property
    def latency_jumped(self) -> bool:
        """Whether enough messages were slow."""
        return self.slow >= max(JUMP_MIN, JUMP_SHARE * self.examined)

    @property
    def shows_it(self) -> bool:
        """Whether the clients were disturbed."""
        return bool(self.disconnects or self.unanswered or self.latency_jumped)

    def as_proof(self) -> dict[str, Any]:
        """Return the evidence as plain data."""
        return {**dataclasses.asdict(self), "latency_jumped": self.latency_jumped}


@dataclass(frozen=True)
class Disturbances:
    """What happened outside every declared fault and its recovery window."""

    disconnects: int = 0
    unanswered: int = 0
    first_ns: int | None = None
    last_ns: int | None = None

    @property
    def calm(self) -> bool:
        """Whether nothing happened."""
        return not (self.disconnects or self.unanswered)


def with_client_proofs(history: History) -> History:
    """Return the history in which the records of the clients prove faults without other proof."""
    ack = latency.ack(history)
    limit_ms = _jump_limit_ms(history, ack)
    faults = tuple(
        _with_evidence(fault, _evidence(history, fault, ack, limit_ms))
        for fault in history.events.faults
    )
    return history.with_proofs(faults)


def find_disturbances(history: History) -> Disturbances:
    """Return what no declared fault explains, from the first connection to the audit.

    Nothing is found in a run that was cut short, in which connections end because of that.
    """
    audit_ns = history.events.phases.get("audit")
    if audit_ns is None:
        return Disturbances()
    declared = declared_spans(history.events, history.scenario.recovery_window)
    ended_ns = _involuntary_ends(history)
    ended_ns = ended_ns[(ended_ns < audit_ns) & ~_overlaps(ended_ns, ended_ns, declared)]
    slow = history.once(slow_sends)
    unknown = slow.given_up & ~slow.acked
    start_ns = np.minimum(slow.first_attempt_ns[unknown], slow.unanswered_ns[unknown])
    lost = ~_overlaps(start_ns, slow.unanswered_ns[unknown], declared)
    moments = np.concatenate([ended_ns, start_ns[lost]])
    return Disturbances(
        disconnects=int(ended_ns.size),
        unanswered=int(lost.sum()),
        first_ns=int(moments.min()) if moments.size else None,
        last_ns=int(moments.max()) if moments.size else None,
    )


def declared_spans(events: Events, recovery_window_s: float) -> list[Span]:
    """Return each fault from its request to the end of its recovery window."""
    margin_ns = int(recovery_window_s * NS_PER_S)
    return [
        (fault.requested_ns, NEVER if fault.healed_ns is None else fault.healed_ns + margin_ns)
        for fault in events.faults
        if fault.requested_ns is not None
    ]


def _with_evidence(fault: FaultTimes, evidence: ClientEvidence | None) -> FaultTimes:
    if evidence is None:
        return fault
    found = dataclasses.replace(fault, client_links=evidence.as_proof())
    if fault.proof or not evidence.shows_it or not _may_be_proven(fault):
        return found
    return dataclasses.replace(found, proof={"client_links": evidence.as_proof()})


def _may_be_proven(fault: FaultTimes) -> bool:
    """Whether the fault is of a kind that may have no proof of its own."""
    return fault.kind in ("observed", "command") or fault.target.startswith(_RUNNING_PROXIES)


def _evidence(
    history: History, fault: FaultTimes, ack: Samples, limit_ms: float | None
) -> ClientEvidence | None:
    if fault.effective_ns is None:
        return None
    start_ns, end_ns = fault.effective_ns, fault.healed_ns or NEVER
    ended_ns = _involuntary_ends(history)
    noticed_ns = end_ns if end_ns == NEVER else end_ns + NOTICE_NS
    inside = ack.between(start_ns, end_ns)
    slow = 0 if limit_ms is None else inside.count_above(limit_ms)
    return ClientEvidence(
        disconnects=int(((ended_ns >= start_ns) & (ended_ns <= noticed_ns)).sum()),
        unanswered=int(_timed_out(history, start_ns, end_ns).sum()),
        slow=slow,
        examined=inside.size,
        limit_ms=None if limit_ms is None else round(limit_ms, 3),
    )


def _involuntary_ends(history: History) -> Ints:
    """Return when connections ended, but not by their client, of users who were not away."""
    known = history.sessions.connections
    ended_ns: Ints = known.down_ns[history.once(availability.unwanted_ends)]
    return ended_ns


def _timed_out(history: History, start_ns: int, end_ns: int) -> Bools:
    """Return which slow sends had a first attempt that timed out, with a time-out in the span."""
    slow, timeout_ns = (
        history.once(slow_sends),
        int(history.scenario.load.attempt_timeout * NS_PER_S),
    )
    attempted = slow.first_attempt_ns != NEVER
    due_ns = np.where(attempted, slow.first_attempt_ns, 0) + timeout_ns
    late = attempted & (slow.acked_ns > due_ns) & ~slow.rejected
    found: Bools = late & (due_ns > start_ns) & (slow.first_attempt_ns < end_ns)
    return found


def _jump_limit_ms(history: History, ack: Samples) -> float | None:
    calm = baseline(history.events, history.scenario.recovery_window)
    samples = ack.within(calm)
    if samples.size < BASELINE_MIN:
        return None
    p99_ms = samples.percentile(0.99)
    return None if p99_ms is None else max(JUMP_FACTOR * p99_ms, p99_ms + JUMP_MS)


def _overlaps(start_ns: Ints, end_ns: Ints, spans: list[Span]) -> Bools:
    """Return which intervals overlap any of the spans."""
    found = np.zeros(start_ns.shape, dtype=bool)
    for from_ns, to_ns in spans:
        found |= (start_ns <= to_ns) & (end_ns >= from_ns)
    return found
