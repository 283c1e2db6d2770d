"""How slices and lives name clients, messages and records."""

from collections.abc import Callable
from typing import Any

from gauntlet.core.clock import NS_PER_S, format_s
from gauntlet.core.history import (
    Attendance,
    Channel,
    Contact,
    Flag,
    Kind,
    NamedFlag,
    PageFlag,
    Probe,
    ProbeResult,
    Relation,
    RoomEvent,
    StampFlag,
)
from gauntlet.reports import formatting
from gauntlet.reports.checks._held_pushes import waits_for
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.history import History

_WHAT: dict[int, str] = {
    Kind.OP: "op",
    Kind.ATTEMPT: "send",
    Kind.ACK: "ack",
    Kind.REJECT: "reject",
    Kind.UNKNOWN: "unknown",
    Kind.DELIVER: "delivery",
    Kind.ARRIVED: "arrival",
    Kind.RECEIVE: "copy",
    Kind.STRAY: "stray",
    Kind.GAP: "gap",
    Kind.CONNECT: "connect",
    Kind.DISCONNECT: "disconnect",
    Kind.OFFLINE: "offline",
    Kind.ROOM: "room-event",
    Kind.AUDIT: "audit",
    Kind.HEAD: "audit-head",
    Kind.PAGE: "page",
    Kind.PROBE: "probe",
    Kind.NAMED: "named",
    Kind.STAMP: "stamp",
    Kind.START: "start",
    Kind.ATTENDANCE: "attendance",
    Kind.CONTACT: "contact",
    Kind.CONTACT_LIST: "contact-list",
    Kind.STICKER: "sticker",
}
_BY_CHANNEL = {
    Channel.LIVE: "pushed",
    Channel.RESYNC: "re-synced",
    Channel.HISTORY: "read from the history",
    Channel.AUDIT: "read by the audit",
}
_ROOM_EVENTS = {
    RoomEvent.ADDED: "was added",
    RoomEvent.REMOVED: "was removed",
    RoomEvent.ENTERED: "entered",
    RoomEvent.EXITED: "exited",
}
_PROBES = {
    Probe.HISTORY: "requests the history of",
    Probe.MEMBERS: "requests the members of",
    Probe.SEND: "sends a message to",
    Probe.ENTER: "enters",
    Probe.HEAD: "receives the last position of",
    Probe.IMPOSTOR: "is impersonated to request the history of",
    Probe.IMPOSTOR_SEND: "is impersonated to send a message to",
    Probe.IMPOSTOR_CONNECT: "is impersonated to connect, as a member of",
    Probe.BLOCKED_SEND: "a user who is blocked sends a direct message",
    Probe.BLOCKED_REQUEST: "a user who is blocked requests a friendship",
}
_CONTACTS = {
    Contact.REQUEST: "requests the friendship of",
    Contact.END: "ends what is between them and",
    Contact.BLOCK: "blocks",
    Contact.UNBLOCK: "ends their block of",
    Contact.SEND: "sends a direct message to",
}
_LISTS = {
    Relation.FRIEND: "the friends",
    Relation.INCOMING: "the incoming requests",
    Relation.OUTGOING: "the outgoing requests",
    Relation.BLOCKED: "the blocked users",
}
_IMPOSTORS = (Probe.IMPOSTOR, Probe.IMPOSTOR_SEND, Probe.IMPOSTOR_CONNECT)
_ANSWERS: dict[int, str] = {ProbeResult.GRANTED: "granted", ProbeResult.REFUSED: "refused"}


def client(history: History, session: int) -> str:
    """Return the name of a session: the user, with the device if the user has several."""
    user, device = history.names.sessions[session]
    name = history.names.user(user)
    several = sum(other == user for other, _ in history.names.sessions) > 1
    return f"{name} ({device})" if several else name


def message(history: History, number: int) -> str:
    """Return the short name of a message: `message 7 of u0-1`."""
    author = history.names.user(int(history.messages.author[number]))
    return f"message {history.names.message(int(history.messages.sseq[number]))} of {author}"


_FOUND_EVENTS: dict[int, str] = {
    Kind.AUDIT: "the audit finds that {event}",
    Kind.RECEIVE: "{event}, a copy that is dropped",
    Kind.ARRIVED: "{event}, a push that is held back",
    Kind.STRAY: "{event}, pushed to a stranger",
}


def what(record: Any) -> str:
    """Return what kind of event a record describes, as the JSON of a slice names it."""
    return _WHAT.get(int(record["kind"]), Kind(int(record["kind"])).name.lower())


def record(history: History, index: int) -> str:
    """Return what a record says, in a few words without its client and time."""
    row = history.records[index]
    kind, number = int(row["kind"]), int(history.messages.of_record[index])
    about = message(history, number) if number >= 0 else "a body that is not of this run"
    place = f" at position {row['seq']}" if row["seq"] else ""
    if kind in _SENDING:
        return _SENDING[Kind(kind)](row, about, place)
    if row["flags"] & Flag.ROOM_EVENT:
        # A kind that is not in the table shows the event as a push does.
        return _FOUND_EVENTS.get(kind, "{event}").format(event=_room_event(history, row))
    if kind == Kind.AUDIT:
        return f"the audit finds {about}{place}{_marks(row)}"
    if kind == Kind.ARRIVED:
        return f"{about} arrives{place} and is held back {waits_for(row)}{_marks(row)}"
    if kind in (Kind.DELIVER, Kind.RECEIVE, Kind.STRAY):
        how = _BY_CHANNEL[Channel(int(row["flags"]) & CHANNEL_BITS)]
        dropped = ", a copy that is dropped" if kind == Kind.RECEIVE else ""
        return f"{about} is {how}{place}{dropped}{_marks(row)}"
    return _other(history, row)


def _room_event(history: History, row: Any) -> str:
    known = int(row["sseq"]) in set(RoomEvent)
    event = _ROOM_EVENTS[RoomEvent(int(row["sseq"]))] if known else "changed"
    return f"{history.names.user(int(row['peer']))} {event} at position {row['seq']}"


def _attempt(row: Any, about: str, _place: str) -> str:
    again = f" again (attempt {row['spare']})" if row["spare"] > 1 else ""
    return f"sends {about}{again}"


def _ack(row: Any, about: str, place: str) -> str:
    handed_over = row["flags"] & Flag.HANDED_OVER
    return f"{about} is handed over" if handed_over else f"{about} is acknowledged{place}"


def _source(row: Any, shown: int) -> str:
    """Return what names or stamps a message."""
    if int(row["spare"]) & shown:
        return "a received copy"
    by_audit = int(row["flags"]) & CHANNEL_BITS == Channel.AUDIT
    return "the stored copy" if by_audit else "the acknowledgement"


def _named(row: Any, about: str, _place: str) -> str:
    source = _source(row, NamedFlag.SHOWN)
    names = {
        NamedFlag.OTHER_CONVERSATION: "another conversation",
        NamedFlag.OTHER_MESSAGE: "another message",
    }
    other = [text for flag, text in names.items() if row["spare"] & flag]
    return f"{source} of {about} names {' and '.join(other) or 'an id of the server'}"


def _stamp(row: Any, about: str, _place: str) -> str:
    source = _source(row, StampFlag.SHOWN)
    age_s = (int(row["t_ns"]) - int(row["ref_ns"])) / NS_PER_S
    when = f"{format_s(abs(age_s))} {'before' if age_s >= 0 else 'after'} this moment"
    return f"{source} of {about} is stamped {when}"


_SENDING: dict[Kind, Callable[[Any, str, str], str]] = {
    Kind.OP: lambda _row, about, _place: f"{about} is handed to its session",
    Kind.ATTEMPT: _attempt,
    Kind.ACK: _ack,
    Kind.REJECT: lambda row, about, _place: (
        f"{about} is refused" if row["spare"] else f"{about} is never attempted"
    ),
    Kind.UNKNOWN: lambda _row, about, _place: f"{about} gets no answer",
    Kind.NAMED: _named,
    Kind.STAMP: _stamp,
}


def _marks(row: Any) -> str:
    marks = {
        Flag.CRC_BAD: "with a wrong checksum",
        Flag.FOREIGN: "never sent there",
        Flag.LEFTOVER: "of an earlier run",
    }
    found = [text for flag, text in marks.items() if row["flags"] & flag]
    return f" ({', '.join(found)})" if found else ""


def _other(history: History, row: Any) -> str:
    kind = int(row["kind"])
    if kind == Kind.PAGE:
        return _page(row)
    if kind == Kind.START:
        return f"the connection begins behind position {row['seq']:,}"
    if kind == Kind.HEAD:
        return f"the audit ends at position {row['seq']:,}"
    if kind == Kind.GAP:
        if row["seq"] == row["sseq"]:
            return f"position {row['seq']:,} is announced as a gap"
        return f"positions {row['seq']:,} to {row['sseq']:,} are announced as a gap"
    if kind == Kind.ROOM:
        return _room_event(history, row)
    described = _DESCRIBED.get(kind)
    return described(history, row) if described else what(row)


def _page(row: Any) -> str:
    if row["spare"] & PageFlag.HEADS:
        return f"the list of heads ends at position {row['sseq']:,}"
    entries = formatting.counted(int(row["peer"]), "entry", "entries")
    reader = "a page" if row["link"] else "a page of the audit"
    return (
        f"{reader} after position {row['seq']:,} has {entries} and reaches position {row['sseq']:,}"
    )


def _probe(history: History, row: Any) -> str:
    known = int(row["sseq"]) in set(Probe)
    tried = _PROBES[Probe(int(row["sseq"]))] if known else "tries something with"
    answer = _ANSWERS.get(int(row["spare"]), "no answer")
    if row["sseq"] in (Probe.BLOCKED_SEND, Probe.BLOCKED_REQUEST):
        return f"{tried}: {answer}"
    how = "" if row["sseq"] in _IMPOSTORS else ", as a stranger"
    return f"{tried} {history.names.conv(int(row['conv']))}{how}: {answer}"


def _attendance(history: History, row: Any) -> str:
    room, subject = history.names.conv(int(row["conv"])), history.names.user(int(row["peer"]))
    listed = row["sseq"] == Attendance.PRESENT
    return f"reads who is in {room}: {subject} {'is' if listed else 'is not'} listed"


def _contact(history: History, row: Any) -> str:
    who, other = (history.names.user(int(row[field])) for field in ("peer", "sseq"))
    known = int(row["seq"]) in set(Contact)
    did = _CONTACTS[Contact(int(row["seq"]))] if known else "requests something of"
    return f"{who} {did} {other}: {_ANSWERS.get(int(row['spare']), 'no answer')}"


def _contact_list(history: History, row: Any) -> str:
    reader, other = (history.names.user(int(row[field])) for field in ("peer", "sseq"))
    found = [text for flag, text in _LISTS.items() if row["seq"] & flag]
    where = f"among {' and '.join(found)}" if found else "nowhere"
    unrelated = ", and name other accounts" if row["seq"] & Relation.UNRELATED else ""
    return f"the lists of {reader} have {other} {where}{unrelated}"


def _sticker(history: History, row: Any) -> str:
    who = history.names.user(int(row["peer"]))
    if row["spare"] == 0:
        return f"the history has message {row['sseq']} of {who}"
    answer = _ANSWERS.get(int(row["spare"]), "no answer")
    return f"{who} sends message {row['sseq']}, a sticker: {answer}"


_DESCRIBED: dict[int, Callable[[History, Any], str]] = {
    Kind.PROBE: _probe,
    Kind.ATTENDANCE: _attendance,
    Kind.CONTACT: _contact,
    Kind.CONTACT_LIST: _contact_list,
    Kind.STICKER: _sticker,
}
