"""position: receivers, acknowledgements and the audit agree on the position of every message.

A position of a conversation holds one message, of this run or an earlier one, or one room event. A
message has one position, and everything that is received or stored has one. An acknowledgement
without a position (0) claims nothing, nor does one that `ack-content` reports. A message that
`lost-acked` reports claims nothing either: the server may have assigned its position again. A
message whose positions are all in the audit is stored more than once: that is a violation of
`duplicate`, not of this check.
"""

import numpy as np

from gauntlet.core.history import RECORDED, Flag, Kind, RoomEvent
from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import SERVER_SEQ
from gauntlet.reports.checks._ack_positions import misplaced_acks, unsent_acks
from gauntlet.reports.checks._shared import lost_messages, named_by
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.arrays import (
    Bools,
    Ints,
    distinct,
    equal,
    grouped,
    has_flag,
    ints,
    is_any,
    marks,
    pair,
    stable_order,
)
from gauntlet.reports.history.history import History

# Above every message index: the occupant is a room event, or a message of an earlier run.
_ROOM_OCCUPANT = 1 << 62
_LEFTOVER_OCCUPANT = 1 << 61

KIND = CheckKind(
    "position",
    "one position holds two messages, or one message has two positions or none",
    aspect="order",
    required=True,
    needs=(SERVER_SEQ,),
    # A conflict takes two claims, and most messages have claims that agree by their nature.
    examined_min=5,
)


def check(history: History) -> Finding:
    place, occupant, audited = _claims(history)
    shared = _shared_places(place)
    split = _split_messages(occupant, audited)
    unplaced = _unplaced(history)
    witnesses = [
        *(_unplaced_witness(history, int(index)) for index in unplaced[:WITNESSES_MAX]),
        *(_place_witness(history, int(key), place, occupant) for key in shared[:WITNESSES_MAX]),
        *(_split_witness(history, int(key), place, occupant) for key in split[:WITNESSES_MAX]),
    ]
    return Finding(
        examined=place.size + unplaced.size,
        subject="claims of a position",
        statement="{count} of {examined} {subject} {are} in conflict or {are} missing.",
        count=shared.size + split.size + unplaced.size,
        witnesses=tuple(witnesses[:WITNESSES_MAX]),
    )


def _claims(history: History) -> tuple[Ints, Ints, Ints]:
    """Return distinct (place, occupant) claims, sorted, and 1 for each that the audit makes."""
    stated = np.flatnonzero(_claiming(history))
    known, known_audited, differing = _agreeing(history, stated)
    other, occupant_of_other = _other_claims(history)
    messages, records = history.messages, history.records
    at = np.concatenate([differing, other])
    occupant = np.concatenate([known, messages.of_record[differing], occupant_of_other])
    place = np.concatenate(
        [
            pair(messages.conv[known], messages.position[known]),
            pair(records["conv"][at], records["seq"][at]),
        ]
    )
    by_audit = np.concatenate([known_audited, records["kind"][at] == Kind.AUDIT])
    order = stable_order(place, occupant)
    place, occupant = place[order], occupant[order]
    first = np.append(True, (place[1:] != place[:-1]) | (occupant[1:] != occupant[:-1]))
    first = first[: place.size]
    group = np.cumsum(first) - 1
    audited = np.zeros(int(first.sum()), dtype=np.int64)
    audited[group[by_audit[order]]] = 1
    return place[first], occupant[first], audited


def _claiming(history: History) -> Bools:
    """Return which records claim a position for a message of this run."""
    records, of_record = history.records, history.messages.of_record
    kinds = (Kind.ACK, Kind.DELIVER, Kind.RECEIVE, Kind.ARRIVED, Kind.AUDIT)
    claiming = is_any(records["kind"], kinds) & (of_record >= 0) & (records["seq"] > 0)
    if named_by(history, "ack-content"):
        claiming[misplaced_acks(history)] = False
        claiming[unsent_acks(history)] = False
    if named_by(history, "lost-acked"):
        # The additional last entry is for records without a message (-1).
        claiming &= ~np.append(lost_messages(history), False)[of_record]
    return claiming


def _agreeing(history: History, stated: Ints) -> tuple[Ints, Bools, Ints]:
    """Return the messages whose known position is claimed, and which of these the audit claims.

    One such claim stands for all equal ones, which are most. The third value has the records that
    claim another position than the known one.
    """
    records, messages = history.records, history.messages
    number = messages.of_record.take(stated)
    agrees = records["seq"].take(stated) == messages.position.take(number)
    audits = equal(records["kind"].take(stated), Kind.AUDIT)
    known = np.flatnonzero(marks(number.compress(agrees), len(messages)))
    audited = marks(number.compress(agrees & audits), len(messages))
    return known, audited[known], stated[~agrees]


def _other_claims(history: History) -> tuple[Ints, Ints]:
    """Return (record, occupant) of the room events and the messages of earlier runs."""
    records = history.records
    kinds, flags = records["kind"], records["flags"]
    room = equal(kinds, Kind.ROOM) | (equal(kinds, Kind.AUDIT) & has_flag(flags, Flag.ROOM_EVENT))
    left = is_any(kinds, (Kind.ACK, Kind.DELIVER, Kind.RECEIVE, Kind.ARRIVED, Kind.AUDIT))
    left &= has_flag(flags, Flag.LEFTOVER)
    at = np.flatnonzero((room | left) & (records["seq"] > 0))
    subject = records["peer"][at].astype(np.int64)
    if named_by(history, "exit"):
        subject[records["sseq"][at] == RoomEvent.EXITED] = 0  # of exits, that check compares them
    event = _ROOM_OCCUPANT | (subject << 8) | ints(records["sseq"][at])
    number = (ints(records["peer"][at]) & 0xFFFF) << 32 | ints(records["sseq"][at])
    return at, np.where(left[at], _LEFTOVER_OCCUPANT | number, event)


def _unplaced(history: History) -> Ints:
    """Return the records of what was received or stored without a position."""
    records = history.records
    seen = is_any(records["kind"], (Kind.DELIVER, Kind.RECEIVE, Kind.ROOM, Kind.AUDIT))
    at = np.flatnonzero(seen & (records["seq"] == 0))
    # What was not sent, or was refused, has no place to claim: `phantom` reports it.
    messages = history.messages
    valid = np.append(messages.sent & (messages.acked | ~messages.rejected), False)
    if history.scenario.target.adapter == RECORDED:
        # A log need not have the position of every message.
        valid[:-1] &= messages.position > 0
    event = (records["kind"][at] == Kind.ROOM) | (records["flags"][at] & Flag.ROOM_EVENT != 0)
    unplaced: Ints = at[event | valid[messages.of_record[at]]]
    return unplaced


def _shared_places(place: Ints) -> Ints:
    """Return the places, which are sorted, that several occupants claim."""
    return distinct(place[1:][place[1:] == place[:-1]])


def _split_messages(occupant: Ints, audited: Ints) -> Ints:
    keys, _, which = grouped(occupant)
    places = np.bincount(which, minlength=keys.size)
    stored = np.bincount(which, weights=audited, minlength=keys.size)
    return keys[(places > 1) & (stored < places) & (keys < _LEFTOVER_OCCUPANT)]


def _place_witness(history: History, key: int, place: Ints, occupant: Ints) -> Witness:
    holders = occupant[place == key]
    messages = tuple(int(holder) for holder in holders if holder < _LEFTOVER_OCCUPANT)
    titles = [history.title(message) for message in messages]
    if ((holders >= _LEFTOVER_OCCUPANT) & (holders < _ROOM_OCCUPANT)).any():
        titles.append("a message of an earlier run")
    if (holders >= _ROOM_OCCUPANT).any():
        titles.append("a room event")
    return Witness(
        f"Position {key & 0xFFFFFFFF} of {history.names.conv(key >> 32)} is held by "
        f"{' and by '.join(titles)}.",
        messages,
    )


def _unplaced_witness(history: History, index: int) -> Witness:
    record = history.records[index]
    message, user = int(history.messages.of_record[index]), int(history.user[index])
    what = history.title(message) if message >= 0 else "a room event"
    where = f"was received by {history.names.user(user)}" if user else "is stored"
    conv = history.names.conv(int(record["conv"]))
    return Witness(
        f"In {conv}, {what} {where} without a position.",
        (message,) if message >= 0 else (),
        user,
        (index,),
    )


def _split_witness(history: History, message: int, place: Ints, occupant: Ints) -> Witness:
    positions = ", ".join(str(key & 0xFFFFFFFF) for key in place[occupant == message])
    title = history.title(message)
    return Witness(f"Claims place {title} at several positions: {positions}.", (message,))
