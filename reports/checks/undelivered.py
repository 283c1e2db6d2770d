"""undelivered: a stored message was not presented in time to a device that should have received it.

A delivery is expected for each message that is certainly stored and each device that connected at
least once, of each user who is entitled to the message's position; the author's other devices
included. A message is certainly stored if it was acknowledged. If its send ended without an answer,
the audit must have found it, and before the quiesce a client must have seen it or a later position:
otherwise it may have been committed when no client was waiting any more. Live push, re-sync and
history all deliver; the audit does not.

A delivery must come by the end of the run, and within `delivery_deadline` of the acknowledgement
(or of the proof that the message is stored). The deadline counts from the heal of a fault that
overlaps the wait, and from the return of a receiver who was away on purpose. When the quiesce
begins, the load reconnects all users who are away: a user whom the system does not admit any more
still counts. Only in a run that was cut short before that, nothing is expected for such a user. If
the system never admitted some user at all, the check is unknown at best. Where the clocks of sender
and receiver may differ, every deadline is that much later. Messages that the audit does not find
concern `lost-acked`. If the device received another body at a message's position,
`phantom` reports that instead.

A push that a client holds back has arrived, but its user does not see it: a message that is never
presented is undelivered, and the witness states that it arrived and what it waited for.

A member who is removed is owed what was acknowledged a second before the request, if they were
connected or had time to return: they can read nothing afterwards. A message that was sent while
their membership changed may reach them or not.

Where the adapter declares `at_most_once`, nothing is expected of what a receiver missed while not
connected.
"""

import numpy as np

from gauntlet.core.clock import NS_PER_MS, NS_PER_S, format_s
from gauntlet.core.history import RECORDED, Kind
from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import HISTORY
from gauntlet.reports.checks import _held_pushes
from gauntlet.reports.checks._removed_receivers import removed_before_receiving
from gauntlet.reports.checks._shared import forged_copies, unreadable_places
from gauntlet.reports.checks.finding import WITNESSES_MAX, Counted, Finding, Witness
from gauntlet.reports.history.arrays import (
    NEVER,
    Bools,
    Ints,
    contains,
    distinct,
    equal,
    find,
    ints,
    pair,
)
from gauntlet.reports.history.deliveries import ExpectedDeliveries
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics.latency import returned_before_delivery

_PUSH_NS = NS_PER_S
_LEAVE_NS = 5 * NS_PER_S
_NOT_OWED = (
    "{count} more {were} missed by receivers who were not connected, which the adapter declares "
    "as allowed (at most once)."
)

KIND = CheckKind(
    "undelivered",
    "a message was acknowledged and stored, and was not presented to a member who was watching",
    aspect="loss",
    required=True,
    # If every second delivery were missing, five would show it in 97 runs of 100.
    examined_min=5,
)


def check(history: History) -> Finding:
    acked, unanswered = history.expected, history.expected_unanswered
    judged, failed = _judge(history, acked, history.messages.acked_ns)
    not_owed = int(_missed_while_away(history, acked).sum())
    unanswered_judged, unanswered_failed = _judge(history, unanswered, history.proven_stored_ns)
    witnesses = [
        *(_witness(history, acked, int(at)) for at in failed[:WITNESSES_MAX]),
        *(_witness(history, unanswered, int(at)) for at in unanswered_failed[:WITNESSES_MAX]),
    ]
    return Finding(
        examined=judged + unanswered_judged,
        subject="expected deliveries",
        statement="{count} of {examined} {subject} {are} missing or late.",
        aside=Counted(_NOT_OWED, not_owed),
        count=failed.size + unanswered_failed.size,
        witnesses=tuple(witnesses[:WITNESSES_MAX]),
        times_ns=history.messages.acked_ns[acked.message[failed]]
        if not unanswered_failed.size
        else None,
        happened="became due",
        nothing_seen=""
        if _needs_no_audit(history, acked).any() or history.messages.stored.any()
        else "The audit read nothing, so it is unknown which messages are stored.",
        unknown=history.never_connected.describe(),
    )


def _judge(history: History, expected: ExpectedDeliveries, since_ns: Ints) -> tuple[int, Ints]:
    """Return (how many deliveries were judged, the indices of those that failed).

    `since_ns` is, for each message, from when on it has to be delivered.
    """
    messages = history.messages
    # Without HISTORY there is no audit, so an acknowledgement is the only proof.
    stored = messages.stored[expected.message] | _needs_no_audit(history, expected)
    if expected is history.expected:
        returned_ns = history.once(returned_before_delivery)
    else:
        returned_ns = history.sessions.returned_ns(
            expected.session, messages.intended_ns[expected.message], expected.presented_ns
        )
    returned_ns = np.where(_left_later(history, expected, since_ns), 0, returned_ns)
    judged = stored & (returned_ns != NEVER)
    judged &= ~_missed_while_away(history, expected) & ~_unreadable(history, expected)
    judged &= ~removed_before_receiving(history, expected, since_ns)
    start_ns = np.maximum(since_ns[expected.message], returned_ns)
    # `presented_ns` of a missing delivery is NEVER, which is later than any deadline.
    late = expected.presented_ns > _deadlines_ns(history, expected, start_ns)
    return int(judged.sum()), np.flatnonzero(judged & late)


def _needs_no_audit(history: History, expected: ExpectedDeliveries) -> Bools:
    """Return for which deliveries the acknowledgement alone proves that the message is stored.

    Without HISTORY there is no audit. In an imported history only some conversations may have one,
    unless it has the phase of a load in which all were read.
    """
    messages, records = history.messages, history.records
    if HISTORY not in history.capabilities:
        return np.ones(expected.message.size, dtype=np.bool_)
    if history.scenario.target.adapter != RECORDED or "audit" in history.events.phases:
        return np.zeros(expected.message.size, dtype=np.bool_)
    audited = distinct(ints(records["conv"][equal(records["kind"], Kind.HEAD)]))
    unaudited: Bools = ~contains(audited, messages.conv[expected.message])
    return unaudited


def _left_later(history: History, expected: ExpectedDeliveries, since_ns: Ints) -> Bools:
    """Return which receivers left an imported history for good, but only `_LEAVE_NS` later.

    A load has a quiesce, in which all users who are away return. A log just ends.
    """
    if not history.is_log:
        return np.zeros(expected.message.size, dtype=np.bool_)
    left_ns = history.sessions.left_ns(expected.session)
    since = since_ns[expected.message]
    leave_ns = _LEAVE_NS + history.events.clock_error_ns
    stayed: Bools = (left_ns != NEVER) & (np.minimum(since, NEVER - leave_ns) + leave_ns < left_ns)
    return stayed


def _unreadable(history: History, expected: ExpectedDeliveries) -> Bools:
    """Return the missing deliveries instead of which the session received something else."""
    messages, kinds = history.messages, (Kind.DELIVER, Kind.RECEIVE)
    forged, receiver = forged_copies(history, kinds)
    if forged.size:
        copies = distinct(pair(forged, receiver))
        named = pair(messages.sseq[expected.message], expected.session)
        instead = expected.missing & contains(copies, named)
    else:
        instead = np.zeros(expected.message.size, dtype=np.bool_)
    place, session = unreadable_places(history, kinds)
    if not place.size:
        return instead
    places = distinct(place)
    expected_place = find(
        places, pair(messages.conv[expected.message], messages.position[expected.message])
    )
    received = distinct(pair(find(places, place), session))
    unreadable: Bools = (
        expected.missing
        & (expected_place >= 0)
        & contains(received, pair(expected_place, expected.session))
    )
    return unreadable | instead


def _missed_while_away(history: History, expected: ExpectedDeliveries) -> Bools:
    """Return the deliveries that are missing and not owed, because the system is `at_most_once`.

    Their receiver was not connected all the time that the message took.
    That is from the first attempt until `_PUSH_NS` after the acknowledgement, when a system that
    stores nothing for absent users has pushed the message. A fault in that time is an absence as
    well: a link that is cut silently looks connected to its client.
    """
    if not history.traits.at_most_once:
        return np.zeros(expected.message.size, dtype=np.bool_)
    messages, connections = history.messages, history.sessions.connections
    start_ns = messages.first_attempt_ns[expected.message]
    acked_ns = messages.acked_ns[expected.message]
    end_ns = np.where(acked_ns == NEVER, start_ns, acked_ns)
    end_ns += _PUSH_NS + history.events.clock_error_ns
    # The connection of the receiver that began last before the attempt.
    origin_ns = history.span_ns[0]
    ups = pair(connections.session, _ms(connections.up_ns, origin_ns))
    at = np.searchsorted(ups, pair(expected.session, _ms(start_ns, origin_ns)), side="right") - 1
    connected = (
        (at >= 0)
        & (connections.session[at] == expected.session)
        & (connections.down_ns[at] > end_ns)
    )
    away: Bools = ~connected
    for fault in history.events.faults:
        if fault.effective_ns is not None:
            healed_ns = NEVER if fault.healed_ns is None else fault.healed_ns
            away |= (start_ns < healed_ns) & (end_ns > fault.effective_ns)
    return away & expected.missing


def _ms(t_ns: Ints, origin_ns: int) -> Ints:
    return np.clip((t_ns - origin_ns) // NS_PER_MS, 0, 2**32 - 1)


def _deadlines_ns(history: History, expected: ExpectedDeliveries, start_ns: Ints) -> Ints:
    """Return the deadline of each delivery that was possible from `start_ns` on."""
    intended_ns = history.messages.intended_ns[expected.message]
    for fault in history.events.faults:
        if fault.effective_ns is None or fault.healed_ns is None:
            continue
        overlaps = (intended_ns < fault.healed_ns) & (expected.presented_ns > fault.effective_ns)
        start_ns = np.where(overlaps, np.maximum(start_ns, fault.healed_ns), start_ns)
    allowed_ns = int(history.scenario.delivery_deadline * NS_PER_S) + history.events.clock_error_ns
    return np.minimum(start_ns, NEVER - allowed_ns) + allowed_ns


def _receiver(history: History, session: int) -> str:
    user, device = history.names.sessions[session]
    name = history.names.user(user)
    has_other_devices = any(
        other_user == user and other_device != device
        for other_user, other_device in history.names.sessions
    )
    return f"{name} ({device})" if has_other_devices else name


def _witness(history: History, expected: ExpectedDeliveries, at: int) -> Witness:
    messages = history.messages
    message, user = int(expected.message[at]), int(expected.user[at])
    if messages.acked[message]:
        since_ns = int(messages.acked_ns[message])
        state = "was acknowledged" + (" and is stored" if messages.stored[message] else "")
    else:
        since_ns = int(history.proven_stored_ns[message])
        state = "is stored although its sender received no answer"
    session = int(expected.session[at])
    receiver = _receiver(history, session)
    title = f"{history.title(message)}{history.place(message)}"
    arrival = _held_pushes.arrival(history, message, session)
    held = _held_pushes.describe(history, arrival) if arrival >= 0 else ""
    if expected.missing[at]:
        never = (
            f"was never shown {title}, which {held}, and"
            if held
            else f"never received {title}, which"
        )
        return Witness(
            f"{receiver} {never} {state}.",
            (message,),
            user,
            absent=True,
            at_ns=since_ns,
            session=session,
        )
    late_s = (int(expected.presented_ns[at]) - since_ns) / NS_PER_S
    return Witness(
        f"{receiver} received {title} only {format_s(late_s)} later than expected from the time "
        f"at which it was known that the message {state}.{f' It {held}.' if held else ''}",
        (message,),
        user,
        (int(expected.record[at]),),
        at_ns=since_ns,
        session=session,
    )
