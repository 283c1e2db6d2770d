"""position: every receiver, acknowledgement and the audit agree on who stands where.

A conversation's position holds one message (or one room event), and a message holds one position.
An acknowledgement without a position (0) claims nothing. A message whose several positions are all
in the audit was stored more than once: that is `duplicate`'s, not a disagreement.
"""

import numpy as np

from gauntlet.core.history import Flag, Kind
from gauntlet.reports.checks.finding import WITNESSES_MAX, Finding, Witness
from gauntlet.reports.history.history import History
from gauntlet.reports.history.records import Ints, ints, pair

_ROOM_OCCUPANT = 1 << 62  # beyond every message index: what stands there is a room event


def check(history: History) -> Finding:
    place, occupant, audited = _claims(history)
    shared = _shared_places(place)
    split = _split_messages(occupant, audited)
    witnesses = [
        *(_place_witness(history, int(key), place, occupant) for key in shared[:WITNESSES_MAX]),
        *(_split_witness(history, int(key), place, occupant) for key in split[:WITNESSES_MAX]),
    ]
    return Finding(
        examined=place.size,
        what="claims of a position",
        count=shared.size + split.size,
        witnesses=tuple(witnesses[:WITNESSES_MAX]),
    )


def _claims(history: History) -> tuple[Ints, Ints, Ints]:
    """Distinct (place, occupant) claims, and the keys of those the audit makes, sorted."""
    records, messages = history.records, history.messages
    kinds = records["kind"]
    room = (kinds == Kind.ROOM) | (
        (kinds == Kind.AUDIT) & (records["flags"] & Flag.ROOM_EVENT != 0)
    )
    says = np.isin(kinds, (Kind.ACK, Kind.DELIVER, Kind.RECEIVE, Kind.AUDIT))
    says &= messages.of_record >= 0
    at = np.flatnonzero((says | room) & (records["seq"] > 0))
    event = _ROOM_OCCUPANT | (ints(records["peer"][at]) << 8) | ints(records["sseq"][at])
    occupant = np.where(room[at], event, messages.of_record[at])
    place = pair(records["conv"][at], records["seq"][at])
    order = np.lexsort((occupant, place))
    place, occupant, at = place[order], occupant[order], at[order]
    first = np.append(True, (place[1:] != place[:-1]) | (occupant[1:] != occupant[:-1]))
    first = first[: place.size]
    group = np.cumsum(first) - 1
    audited = np.zeros(int(first.sum()), dtype=np.int64)
    audited[group[kinds[at] == Kind.AUDIT]] = 1
    return place[first], occupant[first], audited


def _shared_places(place: Ints) -> Ints:
    keys, occupants = np.unique(place, return_counts=True)
    return keys[occupants > 1]


def _split_messages(occupant: Ints, audited: Ints) -> Ints:
    keys, which, places = np.unique(occupant, return_inverse=True, return_counts=True)
    stored = np.bincount(which, weights=audited, minlength=keys.size)
    return keys[(places > 1) & (stored < places) & (keys < _ROOM_OCCUPANT)]


def _place_witness(history: History, key: int, place: Ints, occupant: Ints) -> Witness:
    holders = occupant[place == key]
    messages = tuple(int(holder) for holder in holders if holder < _ROOM_OCCUPANT)
    named = [history.title(message) for message in messages]
    if len(messages) < holders.size:
        named.append("a room event")
    return Witness(
        f"Position {key & 0xFFFFFFFF} of {history.names.conv(key >> 32)} is held by "
        f"{' and by '.join(named)}.",
        messages,
    )


def _split_witness(history: History, message: int, place: Ints, occupant: Ints) -> Witness:
    positions = ", ".join(str(key & 0xFFFFFFFF) for key in place[occupant == message])
    return Witness(f"{history.title(message)} is said to be at positions {positions}.", (message,))
