"""What several checks need: first deliveries, and which positions are the reader's or the run's."""

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import RECORDED, Channel, Flag, Kind
from gauntlet.core.scenario import leftovers
from gauntlet.core.scenario.capabilities import SELF_ECHO
from gauntlet.reports.checks._pages import shown_at_the_end
from gauntlet.reports.history.arrays import (
    NEVER,
    Bools,
    Ints,
    Records,
    contains,
    distinct,
    equal,
    find,
    grouped,
    has_flag,
    ints,
    is_any,
    pair,
    stable_order,
)
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History


def first_deliveries(history: History) -> tuple[Ints, Ints]:
    """Return (message, session) of every first presentation by push or re-sync, in record order.

    Later presentations are the concern of `duplicate`. A page of history that the user requested
    carries no information about order, because users may read backwards.
    """
    return history.once(_first_deliveries)


def _first_deliveries(history: History) -> tuple[Ints, Ints]:
    presentations = history.presentations
    chosen = presentations.first & (presentations.channel != Channel.HISTORY)
    return presentations.message.compress(chosen), presentations.session.compress(chosen)


def stored_ns(history: History, message: Ints) -> Ints:
    """Return when each message was acknowledged as stored; handing it over proves nothing."""
    messages = history.messages
    return np.where(messages.handed_over[message], NEVER, messages.acked_ns[message])


def beyond_retention(history: History) -> Bools:
    """Return which messages the server did not have to keep until the audit.

    The age of a message counts from its first attempt, which the system may have stored. The order
    within a conversation is that of the acknowledgements, so that a message counts as beyond only
    if at least `count` others were acknowledged after it, or may have been by clocks that differ.
    """
    messages, retention = history.messages, history.traits.retention
    beyond = np.zeros(len(messages), dtype=np.bool_)
    if retention is None:
        return beyond
    error_ns = history.events.clock_error_ns
    if retention.age_s is not None:
        # Where clocks may differ, the importer has moved the attempts back by that much.
        kept_ns = _read_ns(history) - int(retention.age_s * NS_PER_S)
        beyond |= messages.first_attempt_ns < kept_ns
    if retention.count is not None:
        at = np.flatnonzero(messages.acked)
        at = at[stable_order(messages.conv[at], messages.acked_ns[at])]
        conv = messages.conv[at]
        ends = np.searchsorted(conv, conv, side="right")
        beyond[at] |= ends - _first_within(conv, messages.acked_ns[at], error_ns) > retention.count
    return beyond


def _read_ns(history: History) -> Ints:
    """Return when the audit had read the conversation of each message; 0 if it was not read.

    A log has no phase of an audit, and that of a load may take long.
    """
    records = history.records
    heads = np.flatnonzero(equal(records["kind"], Kind.HEAD))
    convs, _, which = grouped(records["conv"][heads])
    # The additional last entry is for conversations without an audit (-1).
    read_ns = np.zeros(convs.size + 1, dtype=np.int64)
    np.maximum.at(read_ns, which, ints(records["t_ns"][heads]))
    return read_ns[find(convs, history.messages.conv)]


def _first_within(conv: Ints, t_ns: Ints, error_ns: int) -> Ints:
    """Return the first row that is in the conversation of each row and at most `error_ns` earlier.

    The rows are sorted by conversation and time.
    """
    rows = np.arange(conv.size)
    if not error_ns:
        return rows
    is_bound = np.repeat([True, False], conv.size)
    order = stable_order(np.tile(conv, 2), np.concatenate([t_ns - error_ns, t_ns]), ~is_bound)
    bounds = is_bound[order]
    first = np.empty_like(rows)
    first[order[bounds]] = np.cumsum(~bounds)[bounds]
    return first


def named_by(history: History, check: str) -> bool:
    """Return whether violations of another check fail the run, so that they need no second count.

    One defect may violate several checks. Its consequences are left out only if the check that
    names the defect itself is required.
    """
    return check in history.scenario.checks.required


def unreadable_places(history: History, kinds: tuple[Kind, ...]) -> tuple[Ints, Ints]:
    """Return (place, session) where a body arrived that was not sent there, sorted by place.

    A place is a conversation and a position; the session is -1 for the audit. `phantom` reports
    these bodies: what should have been there in their stead is neither lost nor undelivered.
    """
    records = history.records
    if not named_by(history, "phantom"):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    foreign = is_any(records["kind"], kinds) & (records["seq"] > 0)
    foreign &= has_flag(records["flags"], Flag.FOREIGN)
    at = np.flatnonzero(foreign)
    place = pair(records["conv"][at], records["seq"][at])
    order = stable_order(place)
    return place[order], history.session[at][order]


def forged_copies(history: History, kinds: tuple[Kind, ...]) -> tuple[Ints, Ints]:
    """Return (number of a message, session) of copies that name it and another author.

    Only lines of others say what a copy is about and yet that it is not what was sent. As with
    `unreadable_places`, `phantom` reports these copies, and the message is not missing besides.
    """
    records = history.records
    if history.scenario.target.adapter != RECORDED or not named_by(history, "phantom"):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    forged = is_any(records["kind"], kinds) & (records["sseq"] > 0)
    forged &= has_flag(records["flags"], Flag.FOREIGN)
    forged &= ~has_flag(records["flags"], Flag.ROOM_EVENT)
    at = np.flatnonzero(forged)
    return ints(records["sseq"][at]), history.session[at]


def only_read(records: Records) -> Bools:
    """Return which records are copies in pages that were read, and shown to no user."""
    copies: Bools = equal(records["kind"], Kind.RECEIVE)
    return copies & equal(records["flags"] & CHANNEL_BITS, Channel.HISTORY)


def lost_messages(history: History) -> Bools:
    """Return which acknowledged messages the audit does not find, although it should.

    What only the audit lacks, if that is a page of history itself, is a gap of this page.
    """
    return history.once(_lost_messages)


def _lost_messages(history: History) -> Bools:
    messages, records = history.messages, history.records
    audited = distinct(ints(records["conv"][equal(records["kind"], Kind.HEAD)]))
    unreadable, _ = unreadable_places(history, (Kind.AUDIT,))
    lost = messages.acked & messages.sent & ~messages.handed_over & ~messages.stored
    lost &= contains(audited, messages.conv) & ~beyond_retention(history)
    lost &= ~contains(unreadable, pair(messages.conv, messages.position))
    forged, _ = forged_copies(history, (Kind.AUDIT,))
    lost &= ~contains(distinct(forged), messages.sseq)
    if lost.any() and named_by(history, "history-gap"):
        lost &= ~shown_at_the_end(history)
    return lost


def lost_places(history: History) -> Ints:
    """Return the sorted places of acknowledged messages that the audit does not find.

    `lost-acked` reports these messages, so that a page need not contain them.
    """
    messages = history.messages
    if not named_by(history, "lost-acked"):
        return np.empty(0, dtype=np.int64)
    lost = lost_messages(history) & (messages.position > 0)
    return distinct(pair(messages.conv[lost], messages.position[lost]))


def first_positions(history: History, conv: Ints) -> Ints:
    """Return the first position of each of these conversations that is the concern of this run.

    Where the accounts may be older than the run, earlier runs have written what precedes the run's
    first message. The server may have deleted any of that, and nothing of this run is there. It is
    the largest integer in a conversation to which the run has added nothing.
    """
    if not leftovers.are_possible(history.scenario, history.capabilities):
        return np.ones(conv.size, dtype=np.int64)
    messages = history.messages
    own = np.flatnonzero(messages.sent & (messages.position > 0))
    convs, _, which = grouped(messages.conv[own])
    # The additional last entry is for conversations without an own message (-1).
    first = np.full(convs.size + 1, NEVER, dtype=np.int64)
    np.minimum.at(first, which, messages.position[own])
    return first[find(convs, conv)]


def found_positions(history: History) -> Ints:
    """Return where each message was found: by the audit, otherwise by a receiver; 0 if nowhere."""
    return history.once(_found_positions)


def _found_positions(history: History) -> Ints:
    records, of_record = history.records, history.messages.of_record
    placed = (of_record >= 0) & (records["seq"] > 0)

    def first(kind: Kind) -> Ints:
        position = np.zeros(len(history.messages), dtype=np.int64)
        # Backwards, because the last assignment to an index is the one that remains.
        at = np.flatnonzero(equal(records["kind"], kind) & placed)[::-1]
        position[of_record[at]] = records["seq"][at]
        return position

    audited = first(Kind.AUDIT)
    if audited.all():
        return audited
    return np.where(audited > 0, audited, first(Kind.DELIVER))


def messages_at(history: History, conv: int, position: int) -> tuple[int, ...]:
    """Return the messages whose position in a conversation is this one."""
    messages = history.messages
    return tuple(np.flatnonzero((messages.conv == conv) & (messages.position == position)).tolist())


class OwnPositions:
    """The positions of the messages that each user wrote in each conversation.

    Where the server does not send senders their own messages (no SELF_ECHO), no record shows that
    these reached their author. The author has them anyway, so neither a push nor a page is expected
    to contain them. Where SELF_ECHO is declared, there are no such positions.
    """

    def __init__(self, history: History) -> None:
        messages = history.messages
        chosen = messages.sent & (messages.position > 0) & (SELF_ECHO not in history.capabilities)
        writers = pair(messages.conv[chosen], messages.author[chosen])
        self._writers, _, writer = grouped(writers)
        self._positions = distinct(pair(writer, messages.position[chosen]))

    def contain(self, conv: Ints, user: Ints, position: Ints) -> Bools:
        """Return which of these positions hold a message of that user."""
        return self.count(conv, user, position, position) > 0

    def count(self, conv: Ints, user: Ints, first: Ints, last: Ints) -> Ints:
        """Return how many of the positions `first` to `last` hold a message of that user."""
        writer = find(self._writers, pair(conv, user))
        low = np.searchsorted(self._positions, pair(writer, first))
        high = np.searchsorted(self._positions, pair(writer, last), side="right")
        return np.where(writer < 0, 0, high - low)


def certainly_in(history: History, conv: Ints, user: Ints, position: Ints) -> Bools:
    """Return at which positions no message was sent while a request changed the membership."""
    messages = history.messages
    placed = np.flatnonzero(messages.position > 0)
    places, first, _ = grouped(pair(messages.conv[placed], messages.position[placed]))
    at = find(places, pair(conv, position))
    certain = at < 0
    known = np.flatnonzero(~certain)
    message = placed[first][at[known]]
    certain[known] = history.membership.changes.certain(
        conv[known], user[known], messages.first_attempt_ns[message], messages.acked_ns[message]
    )
    return certain


def may_meet_fault(history: History, begun_ns: Ints, ended_ns: Ints) -> Bools:
    """Return which spans of time meet a fault, or the time allowed for the recovery from one."""
    events = history.events
    found = np.zeros(begun_ns.size, dtype=np.bool_)
    margin_ns = int(history.scenario.recovery_window * NS_PER_S) + events.clock_error_ns
    for fault in events.faults:
        if fault.requested_ns is not None or fault.effective_ns is not None:
            from_ns = min(t for t in (fault.requested_ns, fault.effective_ns) if t is not None)
            until_ns = NEVER if fault.healed_ns is None else fault.healed_ns + margin_ns
            found |= (ended_ns >= from_ns - events.clock_error_ns) & (begun_ns <= until_ns)
    return found
