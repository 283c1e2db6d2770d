"""access: a user obtained something in a conversation of which they are no member.

Users of the load act as strangers: they request the history and the members of a conversation of
others, enter it, and send to it (PROBE). Violations are a request that was granted, a message of a
stranger that is stored although the send was refused or not answered, the attendance of a user who
was never a member or had been removed, a head of a conversation that a stranger was told, and a
stranger whom the server names as a member when the audit asks for the members. The latter is no
violation on accounts that are older than the run: an earlier run may have added them. A further
violation is a request that was granted although it came with a forged login of a member, or without
any. So is a direct message, or a request for friendship, to a user who has blocked its sender for
at least `BLOCK_NS`, unless a fault or its recovery may have kept the block from taking effect.

An empty answer is a refusal: a server may treat a conversation of others like one that does not
exist. Where acknowledged messages are lost, a stranger's message that is acknowledged and exists
nowhere shows no access: that server acknowledges what it does not store, which `lost-acked`
reports. The exit of a user who never entered is the concern of `exit`.

A user may be a member from the request to add them, answered or not, until the answer to the next
request to remove them. What they obtain in that time is no violation, unless they read a position
of which the audit shows that they were no member.
"""

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.history import (
    STRANGER_SSEQ,
    Flag,
    Kind,
    Probe,
    ProbeResult,
    RoomEvent,
)
from gauntlet.core.plugins import CheckKind
from gauntlet.core.scenario.capabilities import SERVER_SEQ
from gauntlet.reports.checks._shared import lost_messages, may_meet_fault, named_by
from gauntlet.reports.checks.finding import WITNESSES_MAX, Counted, Finding, Witness
from gauntlet.reports.history.arrays import (
    Bools,
    Ints,
    contains,
    distinct,
    equal,
    has_flag,
    ints,
    is_any,
    pair,
)
from gauntlet.reports.history.history import History
from gauntlet.reports.history.membership import may_have_other_members

KIND = CheckKind(
    "access",
    "a user who is no member read, entered or wrote to a conversation",
    aspect="content",
    required=True,
    # Some systems answer only one of the ways in, and each answer could grant access.
    examined_min=1,
)

_OBTAINED = {
    Probe.HISTORY: "read the history of {conv}, up to position {seq}",
    Probe.MEMBERS: "read the members of {conv}",
    Probe.SEND: "sent a message to {conv}",
    Probe.ENTER: "entered {conv}",
    Probe.HEAD: "was told the last position of {conv}, {seq}",
    Probe.IMPOSTOR: "read the history of {conv}",
    Probe.IMPOSTOR_SEND: "sent a message to {conv}",
    Probe.IMPOSTOR_CONNECT: "connected",
    Probe.BLOCKED_SEND: "sent a direct message to",
    Probe.BLOCKED_REQUEST: "requested the friendship of",
}
_SENDS = (Probe.SEND, Probe.IMPOSTOR_SEND)
_IMPOSTORS = (Probe.IMPOSTOR, Probe.IMPOSTOR_SEND, Probe.IMPOSTOR_CONNECT)
_BLOCKED = (Probe.BLOCKED_SEND, Probe.BLOCKED_REQUEST)
_NAMED = "In {count} of these cases, the server names a member who was never added."
BLOCK_NS = 5 * NS_PER_S  # between the answer to a block and an attempt of who is blocked


def check(history: History) -> Finding:
    records = history.records
    probes = np.flatnonzero(equal(records["kind"], Kind.PROBE))
    result = records["spare"][probes]
    answered = probes[result == ProbeResult.GRANTED]
    granted = answered[~_only_acknowledged(history, answered)]
    granted = granted[~_may_be_allowed(history, granted) & ~_block_is_excused(history, granted)]
    stored = _stored(history, answered)
    attended, named = _attended(history), _named(history)
    witnesses = [
        *(_granted_witness(history, int(at)) for at in granted[:WITNESSES_MAX]),
        *(_stored_witness(history, int(at)) for at in stored[:WITNESSES_MAX]),
        *(_attended_witness(history, int(at)) for at in attended[:WITNESSES_MAX]),
        *(_named_witness(history, int(at)) for at in named[:WITNESSES_MAX]),
    ]
    return Finding(
        examined=int((result != ProbeResult.UNKNOWN).sum()),
        subject="answered requests of strangers",
        subject_of_one="answered request of a stranger",
        statement="In {count} {cases}, users read, entered or wrote to conversations of others"
        "{among}.",
        count=granted.size + stored.size + attended.size + named.size,
        witnesses=tuple(witnesses[:WITNESSES_MAX]),
        aside=Counted(_NAMED, int(named.size)),
        not_applicable="" if probes.size else "No user made requests as a stranger.",
    )


def _only_acknowledged(history: History, granted: Ints) -> Bools:
    """Return which grants only show that the server acknowledges what it does not store.

    Their messages exist nowhere, and messages of members are lost as well.
    """
    records = history.records
    if not (named_by(history, "lost-acked") and lost_messages(history).any()):
        return np.zeros(granted.size, dtype=np.bool_)
    exists = _messages_of_strangers(history)
    seen = distinct(pair(records["conv"][exists], records["sseq"][exists]))
    sent = np.isin(records["sseq"][granted], _SENDS)
    message = pair(records["conv"][granted], records["peer"][granted])
    unseen: Bools = sent & ~contains(seen, message)
    return unseen


def _may_be_allowed(history: History, granted: Ints) -> Bools:
    """Return which grants may be those of a member, because a request may have added the user.

    What was read shows more where the audit has read who was a member at which position.
    """
    records = history.records
    conv, user = ints(records["conv"][granted]), history.user[granted]
    position = ints(records["seq"][granted])
    times = ints(records["ref_ns"][granted]), ints(records["t_ns"][granted])
    possible = history.membership.changes.may_be_member(conv, user, *times)
    possible &= ~np.isin(records["sseq"][granted], (*_IMPOSTORS, *_BLOCKED))
    placed = is_any(records["sseq"][granted], (Probe.HISTORY, Probe.HEAD)) & (position > 0)
    placed &= _are_members_known(history, conv)
    return possible & ~(placed & history.membership.excluded(conv, user, position))


def _block_is_excused(history: History, granted: Ints) -> Bools:
    """Return which grants may be due to a fault, which kept a block from taking effect.

    A server may go on without the service that knows the blocks, with those that it knew before.
    """
    records = history.records
    begun_ns = ints(records["ref_ns"][granted]) - BLOCK_NS
    excused = may_meet_fault(history, begun_ns, ints(records["t_ns"][granted]))
    found: Bools = excused & np.isin(records["sseq"][granted], _BLOCKED)
    return found


def _are_members_known(history: History, conv: Ints) -> Bools:
    """Return of which conversations the audit has read who was a member at which position."""
    if SERVER_SEQ not in history.capabilities:
        return np.zeros(conv.size, dtype=np.bool_)
    heads = equal(history.records["kind"], Kind.HEAD)
    return contains(distinct(ints(history.records["conv"][heads])), conv)


def _may_have_been_added(history: History, at: Ints, user: Ints) -> Bools:
    """Return of which records the user may have been a member, where the audit does not show it."""
    conv, t_ns = ints(history.records["conv"][at]), ints(history.records["t_ns"][at])
    possible = history.membership.changes.may_be_member(conv, user, t_ns, t_ns)
    return possible & ~_are_members_known(history, conv)


def _messages_of_strangers(history: History) -> Ints:
    """Return the records of stored or received messages that strangers sent."""
    records = history.records
    seen = is_any(records["kind"], (Kind.AUDIT, Kind.DELIVER, Kind.RECEIVE))
    seen &= ~has_flag(records["flags"], Flag.ROOM_EVENT | Flag.FOREIGN | Flag.LEFTOVER)
    return np.flatnonzero(seen & (records["sseq"] >= STRANGER_SSEQ))


def _stored(history: History, granted: Ints) -> Ints:
    """Return the first record of each message of a stranger that exists without being granted."""
    records = history.records
    at = _messages_of_strangers(history)
    known = distinct(pair(records["conv"][granted], records["peer"][granted]))
    message = pair(records["conv"][at], records["sseq"][at])
    # A user who was added again may send: their last request as a stranger may have come late.
    conv, seq = ints(records["conv"][at]), ints(records["seq"][at])
    outside = history.membership.excluded(conv, ints(records["peer"][at]), seq)
    unexpected = ~contains(known, message) & outside
    unexpected &= ~_may_have_been_added(history, at, ints(records["peer"][at]))
    # An impostor acts as a member, who has not sent it.
    unexpected |= ~contains(known, message) & contains(_of_impostors(history), message)
    at, message = at[unexpected], message[unexpected]
    return at[np.unique(message, return_index=True)[1]]


def _of_impostors(history: History) -> Ints:
    """Return the sorted keys (conversation, number) of the messages that impostors sent."""
    records = history.records
    sent = equal(records["kind"], Kind.PROBE) & (records["sseq"] == int(Probe.IMPOSTOR_SEND))
    return distinct(pair(records["conv"][sent], records["peer"][sent]))


def _attended(history: History) -> Ints:
    """Return one record of each event by which a user who was no member entered."""
    records, names = history.records, history.names
    event = equal(records["kind"], Kind.ROOM) | (
        equal(records["kind"], Kind.AUDIT) & has_flag(records["flags"], Flag.ROOM_EVENT)
    )
    reported = [RoomEvent.ENTERED]
    if not named_by(history, "exit"):
        reported.append(RoomEvent.EXITED)
    event &= np.isin(records["sseq"], reported) & (records["peer"] > 0)
    at = np.flatnonzero(event)
    place = pair(records["conv"][at], records["seq"][at])
    at = at[np.unique(place, return_index=True)[1]]
    membership = history.membership
    entry = ints(records["conv"][at]), ints(records["peer"][at]), ints(records["seq"][at])
    known = np.array([int(conv) in names.convs for conv in records["conv"][at]], dtype=np.bool_)
    strange = ~contains(membership.participants, pair(entry[0], entry[1]))
    # Of users who were removed, a range that has ended before is known.
    strange |= membership.excluded(*entry) & (membership.range_begins(*entry) > 0)
    strange &= ~_may_have_been_added(history, at, entry[1])
    strangers: Ints = at[strange & known]
    return strangers


def _named(history: History) -> Ints:
    """Return one record for each user who is named as a member, but was never to be one."""
    records, participants = history.records, history.membership.participants
    if may_have_other_members(history.scenario, history.capabilities):
        return np.empty(0, dtype=np.int64)
    at = np.flatnonzero(equal(records["kind"], Kind.RANGE) & (records["peer"] > 0))
    subjects = pair(records["conv"][at], records["peer"][at])
    at = at[np.unique(subjects, return_index=True)[1]]
    strangers: Ints = at[~contains(participants, pair(records["conv"][at], records["peer"][at]))]
    return strangers


def _granted_witness(history: History, at: int) -> Witness:
    record, user = history.records[at], int(history.user[at])
    conv = history.names.conv(int(record["conv"]))
    tried = Probe(int(record["sseq"]))
    if tried in _BLOCKED:
        return Witness(f"A user {_OBTAINED[tried]} another one who blocks them.", records=(at,))
    what = _OBTAINED[tried].format(conv=conv, seq=record["seq"])
    # A history of others may not say who tried.
    who, how = history.names.user(user) if user else "A user", "without being a member"
    if tried in _IMPOSTORS:
        member = history.names.user(user) if user else "a member"
        who, how = "An impostor", f"as {member}, with a login that the server had not issued"
    return Witness(f"{who} {what} {how}.", (), user, (at,))


def _stored_witness(history: History, at: int) -> Witness:
    record, message = history.records[at], int(history.messages.of_record[at])
    sender = history.names.user(int(record["peer"]))
    conv = history.names.conv(int(record["conv"]))
    how = f"that {sender} sent to {conv} as a stranger"
    own = slice(at, at + 1)
    message_key = pair(history.records["conv"][own], history.records["sseq"][own])
    if contains(_of_impostors(history), message_key).any():
        how = f"that an impostor sent to {conv} as {sender}"
    return Witness(
        f"A message {how} exists, although the send was not acknowledged.",
        (message,) if message >= 0 else (),
        records=(at,),
    )


def _attended_witness(history: History, at: int) -> Witness:
    record = history.records[at]
    event = RoomEvent(int(record["sseq"])).name.lower()
    conv, user = int(record["conv"]), int(record["peer"])
    once = bool(contains(history.membership.participants, pair(*np.array([[conv], [user]]))).any())
    return Witness(
        f"Position {record['seq']} of {history.names.conv(conv)} is the event `{event}` of "
        f"{history.names.user(user)}, who was {'no member there' if once else 'never a member'}.",
        records=(at,),
    )


def _named_witness(history: History, at: int) -> Witness:
    record = history.records[at]
    return Witness(
        f"The server names {history.names.user(int(record['peer']))} as a member of "
        f"{history.names.conv(int(record['conv']))}, who was never added to it.",
        records=(at,),
    )
