"""Whether the times of a history are possible: a harness that mistakes the time proves nothing.

A load worker writes each record when it reads its clock, so that a shard is in the order of time,
and nothing happens before its cause. Where that does not hold, the harness is at fault and not the
system: a clock went back, files were exchanged or changed, or the recording has a bug. Order and
latency would be judged by wrong times, so the history is not judged at all.

Times of one worker are compared exactly, those of different workers within the error of their
clocks. A push that waited for the positions before it is presented when a page of history or
another entry fills them, which may happen after its connection has ended. Entries without a
position may also arrive while the next connection is being established, so they are not judged.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from gauntlet.core.clock import NS_PER_MS, NS_PER_S, format_s
from gauntlet.core.history import Channel, Kind, worker_of_shard
from gauntlet.reports.formatting import counted
from gauntlet.reports.history.arrays import (
    NEVER,
    Bools,
    Ints,
    Records,
    equal,
    find,
    ints,
    is_any,
    stable_order,
)
from gauntlet.reports.history.connections import Connections
from gauntlet.reports.history.events import Events
from gauntlet.reports.history.messages import Messages
from gauntlet.reports.history.times.clock_alignment import ClockAlignment

# What a journal's row and a record of the same moment may differ by.
TOLERANCE_NS = NS_PER_S
# Clocks that are disciplined by NTP gain or lose at most 0.05 %.
DRIFT_MAX = 0.001
# A held push is presented in the same moment as what completed its predecessors.
HELD_NS = NS_PER_S

_PUSHED = (Kind.RECEIVE, Kind.GAP, Kind.ARRIVED)
_PRESENTED = (Kind.DELIVER, Kind.ROOM)
_CHANNEL_BITS = 3


@dataclass(frozen=True)
class Descents:
    """How often the times of a shard go back: the first record that is older, and by how much."""

    count: int
    first: int
    back_ns: int


def descents(chunks: Iterable[Records]) -> Descents:
    """Return the descents of a shard that is read chunk by chunk."""
    count = first = back_ns = begin = 0
    last_ns = None
    for chunk in chunks:
        t_ns = ints(chunk["t_ns"])
        if last_ns is not None:
            t_ns = np.concatenate([[last_ns], t_ns])
        at = np.flatnonzero(t_ns[1:] < t_ns[:-1])
        if at.size and not count:
            offset = begin - (last_ns is not None)
            first = offset + int(at[0]) + 1
            # The difference of two damaged times can exceed 64 bits.
            back_ns = int(t_ns[at[0]]) - int(t_ns[at[0] + 1])
        count += at.size
        begin += chunk.size
        last_ns = int(t_ns[-1]) if t_ns.size else last_ns
    return Descents(count, first, back_ns)


def disorder(shards: Mapping[str, Descents]) -> str:
    """Return a clause on a shard that is not in the order of time, empty if there is none.

    The records have the times that their workers wrote. If the shards of a worker go back once
    each, its clock did; otherwise the file is to blame.
    """
    steps: dict[int, list[tuple[str, Descents]]] = {}
    for name, found in shards.items():
        if found.count:
            steps.setdefault(worker_of_shard(name), []).append((name, found))
    for worker, of_worker in steps.items():
        name, steps_back = of_worker[0]
        back, record = _s(steps_back.back_ns), f"{steps_back.first + 1:,}"
        if len(of_worker) > 1 and all(found.count == 1 for _, found in of_worker):
            return (
                f"the clock of worker {worker} went back by {back} during the run "
                f"(record {record} of history shard {name})"
            )
        return (
            f"history shard {name} is not in the order of time: record {record} is {back} "
            f"older than the record before it"
        )
    return ""


def contradictions(
    records: Records,
    user: Ints,
    events: Events,
    messages: Messages,
    connections: Connections,
) -> Iterable[str]:
    """Yield a clause for each kind of times that cannot be true.

    `user` is the user of each record's connection.
    """
    yield from _stepped_clocks(events.clocks)
    yield from _outside_of_the_run(records, events)
    yield from _before_the_cause(records, messages, events.clocks)
    yield from _without_connection(records, user, connections)


def _stepped_clocks(clocks: ClockAlignment) -> Iterable[str]:
    """Yield the workers whose clock moved against the master's by more than clocks drift."""
    for worker, points in clocks.measured.items():
        (first_ns, first_lead), (last_ns, last_lead) = points[0], points[-1]
        moved_ns = abs(last_lead - first_lead)
        allowed_ns = DRIFT_MAX * abs(last_ns - first_ns) + 2 * clocks.error_ms * NS_PER_MS
        if moved_ns > allowed_ns + NS_PER_MS:
            yield (
                f"the clock of worker {worker} moved by {_s(moved_ns)} against the master's during "
                "the run, which is more than clocks drift"
            )


def _outside_of_the_run(records: Records, events: Events) -> Iterable[str]:
    """Yield what is recorded after the end of the recording, or audited before the audit."""
    if not records.size:
        return
    cause = "a clock stepped during the run, or a shard belongs to another run"
    ended_ns = max(int(row["t_ns"]) for row in events.reconciliations)
    late_ns = int(records["t_ns"].max()) - ended_ns
    if late_ns > TOLERANCE_NS:
        yield f"the last record is {_s(late_ns)} later than the end of the recording: {cause}"
    # In an imported history, the phases may be those of another clock than the records.
    allowed_ns = TOLERANCE_NS + events.clock_error_ns
    audited = is_any(records["kind"], (Kind.AUDIT, Kind.HEAD))
    if audited.any() and (began_ns := events.phases.get("audit")) is not None:
        early_ns = began_ns - int(records["t_ns"][audited].min())
        if early_ns > allowed_ns:
            yield f"the audit has a record {_s(early_ns)} before it began: {cause}"
    sent = equal(records["kind"], Kind.OP)
    if sent.any() and "ramp" in events.phases:
        # The importer has moved sends back.
        early_ns = events.zero_ns - int(records["t_ns"][sent].min()) - events.clock_error_ns
        if early_ns > allowed_ns:
            yield f"a message was sent {_s(early_ns)} before the load began: {cause}"


def _before_the_cause(
    records: Records, messages: Messages, clocks: ClockAlignment
) -> Iterable[str]:
    """Yield how many messages were shown or stored before they were first sent."""
    # Sender and receiver may be on two hosts, and both clocks have an error.
    allowed_ns = int(2 * clocks.error_ms * NS_PER_MS) + (NS_PER_MS if clocks.measured else 0)
    presented = np.flatnonzero(
        is_any(records["kind"], (Kind.DELIVER, Kind.ARRIVED, Kind.AUDIT))
        & (messages.of_record >= 0)
    )
    message = messages.of_record[presented]
    # A message that was never attempted is the concern of the check `phantom`.
    tried = (messages.sent & (messages.first_attempt_ns != NEVER))[message]
    presented, message = presented.compress(tried), message.compress(tried)
    early_ns = messages.first_attempt_ns[message] - ints(records["t_ns"][presented])
    before = early_ns > allowed_ns
    if before.any():
        yield (
            f"{counted(int(before.sum()), 'delivery was', 'deliveries were')} recorded before "
            f"the message was first sent, by up to {_s(int(early_ns.max()))}"
        )


def _without_connection(records: Records, user: Ints, connections: Connections) -> Iterable[str]:
    """Yield what is recorded as received on a connection that was not open at that time."""
    received = np.flatnonzero(
        is_any(records["kind"], (*_PUSHED, *_PRESENTED)) & (records["link"] > 0)
    )
    order = stable_order(connections.link)
    found = find(connections.link[order], ints(records["link"][received]))
    known = np.flatnonzero(found >= 0)
    received, found = received.take(known), order.take(found.take(known))
    t_ns = ints(records["t_ns"][received])
    before = t_ns < connections.up_ns[found]
    if before.any():
        yield (
            f"{counted(int(before.sum()), 'entry was', 'entries were')} received before the "
            "connection was established"
        )
    closed = np.flatnonzero(t_ns > connections.down_ns[found])
    closed = closed[_is_pushed(records.take(received[closed]))]
    late, down_ns = received[closed], connections.down_ns[found[closed]]
    wrong = ~_held(records, user, late, down_ns)
    if wrong.any():
        worst_ns = int((ints(records["t_ns"][late]) - down_ns)[wrong].max())
        yield (
            f"{counted(int(wrong.sum()), 'entry was', 'entries were')} received up to "
            f"{_s(worst_ns)} after the connection had ended"
        )


def _is_pushed(records: Records) -> Bools:
    """Return which records are pushes: pages may come after the connection of their record."""
    live = equal(records["flags"] & _CHANNEL_BITS, Channel.LIVE)
    pushed: Bools = live & (records["seq"] > 0)
    return pushed


def _held(records: Records, user: Ints, late: Ints, down_ns: Ints) -> Bools:
    """Return which of these records were held until other entries of the conversation came."""
    held = np.zeros(late.size, dtype=np.bool_)
    if not late.size:
        return held
    filling = np.flatnonzero(is_any(records["kind"], (Kind.PAGE, *_PRESENTED)) & (user > 0))
    t_ns = records["t_ns"][filling]
    for place, (record, ended_ns) in enumerate(zip(late.tolist(), down_ns.tolist(), strict=True)):
        if records["kind"][record] in _PUSHED:
            continue
        now_ns = int(records["t_ns"][record])
        near = (t_ns <= now_ns) & (t_ns >= max(ended_ns, now_ns - HELD_NS))
        near &= (user[filling] == user[record]) & (filling != record)
        held[place] = bool((near & (records["conv"][filling] == records["conv"][record])).any())
    return held


def _s(t_ns: int) -> str:
    return format_s(t_ns / NS_PER_S)
