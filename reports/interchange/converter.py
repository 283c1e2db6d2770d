"""Turns the lines of a history into rows of the spool, one line at a time."""

import math
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gauntlet.core import run_directory
from gauntlet.core.clock import NS_PER_S, parse_duration_s
from gauntlet.core.history import (
    MISSING_MAX,
    Attendance,
    Channel,
    ClosedBy,
    Contact,
    Flag,
    Kind,
    PageFlag,
    Probe,
    ProbeResult,
    Record,
    Relation,
    RoomEvent,
    sticker_digest,
)
from gauntlet.core.printable import printable
from gauntlet.core.scenario.capabilities import CAPABILITIES, DEVICES, SERVER_SEQ
from gauntlet.reports.interchange import lines
from gauntlet.reports.interchange.names import Link, Registry
from gauntlet.reports.interchange.spool import ENTRY, NO_POSITION, READ, Spool
from gauntlet.reports.interchange.times import Times

_CHANNELS = {"live": Channel.LIVE, "resync": Channel.RESYNC, "history": Channel.HISTORY}
_EVENTS = {event.name.lower(): event for event in RoomEvent}
_PROBES = {probe.name.lower(): probe for probe in Probe}
_RESULTS = {result.name.lower(): result for result in ProbeResult}
_CONTACTS = {contact.name.lower(): contact for contact in Contact}
_RELATIONS = {str(relation.name).lower(): relation for relation in Relation}
_CLOSED_BY = {each.name.lower(): each for each in ClosedBy}
_SYNONYMS = {"ok": "acked", "fail": "rejected", "info": "unknown"}
_ENDS = {"acked": Kind.ACK, "rejected": Kind.REJECT, "unknown": Kind.UNKNOWN}
_U32_MAX, _POSITION_MAX = (1 << 32) - 1, NO_POSITION - 2
CLOCK_ERROR_MAX_S = 3600.0


@dataclass(frozen=True)
class MemberSpan:
    """A `member` line: times in nanoseconds, None where they are open."""

    conv: int
    user: int
    since_ns: int | None
    until_ns: int | None
    first: int | None
    last: int | None
    unsure: bool


@dataclass(frozen=True)
class FaultSpan:
    """A `fault` line; `until_ns` is None if the fault did not end."""

    id: str
    kind: str
    target: str
    begin_ns: int
    requested_ns: int
    until_ns: int | None
    proof: dict[str, Any]
    recover_within: float | None


@dataclass
class Converter:
    """Takes the lines of one history; `add` raises ValueError with what is wrong with a line."""

    names: Registry
    spool: Spool
    header: lines.Header = field(default_factory=lines.Header)
    times: Times = field(default_factory=Times)
    counts: Counter[str] = field(default_factory=Counter)
    user_records: list[Record] = field(default_factory=list)
    members: list[MemberSpan] = field(default_factory=list)
    participants: set[tuple[int, int]] = field(default_factory=set)
    of_strangers: set[int] = field(default_factory=set)  # the messages that they tried to send
    faults: list[FaultSpan] = field(default_factory=list)
    phases: dict[str, int] = field(default_factory=dict)
    # By conversation: the first and the last send.
    sends: dict[int, tuple[int, int]] = field(default_factory=dict)
    first_used: dict[int, int] = field(default_factory=dict)  # by link
    last_received: dict[int, int] = field(default_factory=dict)  # by link
    # (user, device) of those that connect, send or receive.
    devices: set[tuple[int, str]] = field(default_factory=set)
    first_ns: int = 0
    last_ns: int = 0
    _lines: int = 0
    _reads: int = 0

    def add(self, line: lines.AnyLine) -> None:
        """Take one line."""
        _ADDERS[type(line)](self, line)
        self._lines += 1
        self.counts[str(line.__struct_config__.tag)] += 1

    @property
    def numbered(self) -> bool:
        """Whether positions are declared to be without gaps."""
        return SERVER_SEQ in self.header.capabilities

    def begin(self, line: lines.Header) -> None:
        if self._lines:
            raise ValueError("the header must be the first line")
        unknown = sorted(set(line.capabilities) - CAPABILITIES.keys())
        if unknown:
            known = ", ".join(CAPABILITIES)
            raise ValueError(f"capabilities must be some of {known}; got {unknown[0]!r:.80}")
        if not 0 <= line.clock_error <= CLOCK_ERROR_MAX_S:
            raise ValueError(
                f"clock_error must be between 0 and {CLOCK_ERROR_MAX_S:g} seconds; "
                f"got {line.clock_error}"
            )
        for key in ("delivery_deadline", "recovery_window"):
            _check_duration(key, getattr(line, key))
        _check_retention(line.traits)
        self.header, self.times = line, Times(line.time)

    @property
    def clock_error_ns(self) -> int:
        """By how much any two clocks of the history may differ."""
        return int(self.header.clock_error * NS_PER_S)

    def _time(self, value: lines.Time, key: str = "time") -> int:
        t_ns = self.times.parse(key, value)
        self.first_ns = min(self.first_ns or t_ns, t_ns)
        self.last_ns = max(self.last_ns, t_ns)
        return t_ns

    def _time_or(self, value: lines.Time | None, key: str, default: int) -> int:
        return default if value is None else self._time(value, key)

    def _earlier(self, line: Any, key: str, t_ns: int) -> int:
        """Return when something began that had ended at `t_ns`, which is the default."""
        value: lines.Time | None = getattr(line, key)
        began_ns = self._time_or(value, key, t_ns)
        if began_ns > t_ns:
            raise ValueError(f"{key} must not be after time; got {value!r}")
        return began_ns

    def _begun(self, t_ns: int) -> int:
        """Return when something may have begun of which the user's clock says that it began then.

        What another clock saw before that is no cause of it unless the clocks certainly say so.
        """
        begun_ns = max(1, t_ns - self.clock_error_ns)
        self.first_ns = min(self.first_ns, begun_ns)
        return begun_ns

    def _position(self, value: int | None, key: str = "position") -> int:
        if value is None:
            return 0
        largest = _U32_MAX - 1 if self.numbered else _POSITION_MAX
        if not 0 <= value <= largest:
            raise ValueError(f"{key} must be between 0 and {largest}; got {value}")
        self.counts["positions"] += value > 0
        return value

    def _place(self, value: int | None) -> int:
        """Return the position of a message as the spool has it, 0 if it is unknown.

        Positions without gaps begin at 1, so that 0 is none. Others may begin at 0.
        """
        if value is None:
            return 0
        position = self._position(value)
        if self.numbered:
            return position or NO_POSITION
        self.counts["positions"] += not position
        return position + 1

    def _exact(self, value: int, key: str) -> int:
        """Return a position that only means something if positions have no gaps."""
        if not self.numbered:
            raise ValueError(
                f"{key} needs a header with `server_seq` among its capabilities: positions that "
                "have no gaps"
            )
        return self._position(value, key)

    def _link(
        self, line: Any, t_ns: int, *, up_ns: int | None = None, requests: bool = False
    ) -> Link:
        """Return the connection of a line; `up_ns` is given by the line that connects it."""
        user = self.names.user(line.user)
        link = self.names.link(user, line.device, line.connection, t_ns, up_ns=up_ns)
        if not requests:
            self.devices.add((user, link.device))
        known = self.first_used.get(link.number)
        if known is None or t_ns < known:
            self.first_used[link.number] = t_ns
        return link

    def _requester(self, line: Any, t_ns: int) -> Link:
        """Return the connection of a line about what a user requested.

        Where every device has to receive everything, a request does not show that its device, which
        may not even be named, can be pushed anything.
        """
        return self._link(line, t_ns, requests=DEVICES in self.header.capabilities)

    def send(self, line: lines.Send) -> None:
        t_ns = self._time(line.time)
        link, conv = self._link(line, t_ns), self.names.conversation(line.conversation)
        number = self.names.message(conv, line.message)
        intended = self._time_or(line.intended, "intended", t_ns)
        common: dict[str, int] = {"link": link.number, "sseq": number, "ref_ns": intended}
        if self._is_new(line, number, link.user):
            self.names.authors[number] = link.user
            self.names.bodies[number] = _checksum(line.body)
            self.participants.add((conv, link.user))
            handed = self._time_or(line.handed, "handed", t_ns)
            self.spool.add(Kind.OP, self._begun(min(handed, t_ns)), conv, **common)
            first, last = self.sends.get(conv, (t_ns, t_ns))
            self.sends[conv] = (min(first, t_ns), max(last, t_ns))
        outcome = _outcome_of(line)
        if outcome != "untried":
            attempts = self.names.attempts[number] = min(self.names.attempts[number] + 1, 255)
            self.spool.add(Kind.ATTEMPT, self._begun(t_ns), conv, **common, spare=attempts)
        if outcome is not None:
            end_ns = self._time_or(line.completed, "completed", t_ns)
            if end_ns < t_ns:
                raise ValueError(f"completed must not be before time; got {line.completed!r}")
            kind = _ENDS.get(outcome, Kind.REJECT)
            self._end(kind, end_ns, conv, number, line.position, link=link.number)

    def _is_new(self, line: lines.Send, number: int, user: int) -> bool:
        """Return whether this is the first send of a message, which has only one author."""
        if number in self.of_strangers:
            raise ValueError(f"message must not be that of an `attempt`; got {line.message!r:.80}")
        author = self.names.authors[number]
        if author not in (0, user):
            raise ValueError(
                f"message must be an id that only one user sends in a conversation; "
                f"{line.message!r:.80} was sent by another user before"
            )
        return not author

    def _end(
        self,
        kind: Kind,
        t_ns: int,
        conv: int,
        number: int,
        position: int | None = None,
        **more: int,
    ) -> None:
        self.counts[kind.name] += 1
        self.counts["handed over"] += bool(more.get("flags", 0) & Flag.HANDED_OVER)
        self.spool.add(
            kind, t_ns, conv, sseq=number, position=self._place(position),
            spare=self.names.attempts[number], **more,
        )  # fmt: skip

    def ack(self, line: lines.Ack | lines.Reject | lines.GiveUp) -> None:
        t_ns, conv = self._time(line.time), self.names.conversation(line.conversation)
        number = self.names.message(conv, line.message)
        sender = self.names.user(line.user) if line.user is not None else 0
        if isinstance(line, lines.Ack):
            flags = Flag.HANDED_OVER if line.handed_over else 0
            self._end(Kind.ACK, t_ns, conv, number, line.position, sender=sender, flags=flags)
        else:
            kind = Kind.REJECT if isinstance(line, lines.Reject) else Kind.UNKNOWN
            self._end(kind, t_ns, conv, number, sender=sender)

    def _seen(self, conv: int, line: Any) -> dict[str, int]:
        """Return the fields of a message that somewhere was found."""
        unknown = line.message is None
        if unknown and not getattr(line, "foreign", False):
            raise ValueError("message must be a string or an integer; got null")
        return {
            "sseq": 0 if unknown else self.names.message(conv, line.message),
            "position": self._place(line.position),
            "sender": 0 if line.sender is None else self.names.user(line.sender),
            "body": _checksum(line.body),
        }

    def deliver(self, line: lines.Deliver | lines.Copy | lines.Arrive) -> None:
        t_ns, conv = self._time(line.time), self.names.conversation(line.conversation)
        link = self._link(line, t_ns)
        self.participants.add((conv, link.user))
        flags = _CHANNELS[line.channel] | _marks(line)
        kind = Kind.DELIVER
        shown = isinstance(line, lines.Deliver) and line.channel != "history"
        self.counts["ordered deliveries"] += shown
        self.counts["pushes"] += line.channel == "live"
        if isinstance(line, lines.Copy):
            kind = Kind.RECEIVE
            flags |= 0 if line.late else Flag.DUPLICATE
        seen = self._seen(conv, line)
        if isinstance(line, lines.Arrive):
            kind, seen["spare"] = Kind.ARRIVED, _missing(line.missing)
        received_ns = self.last_received.get(link.number, 0)
        self.last_received[link.number] = max(received_ns, t_ns)
        self.spool.add(kind, t_ns, conv, link=link.number, flags=flags, **seen)

    def read(self, line: lines.Read) -> None:
        t_ns, conv = self._time(line.time), self.names.conversation(line.conversation)
        requested = self._begun(self._earlier(line, "requested", t_ns))
        link = 0
        if line.user is not None:
            reader = self._requester(line, t_ns)
            self.participants.add((conv, reader.user))
            link = reader.number
        self._reads += 1
        self.counts["complete reads"] += line.complete
        after = 0 if line.after is None else self._exact(line.after, "after") + 1
        self.spool.add(
            READ, t_ns, conv, ref_ns=requested, link=link, peer=len(line.messages),
            seq=after, sseq=0 if line.head is None else self._exact(line.head, "head"),
            spare=PageFlag.LAST if line.complete else 0, read=self._reads,
        )  # fmt: skip
        for entry in line.messages:
            message = entry if isinstance(entry, lines.Message) else lines.Message(message=entry)
            seen = self._seen(conv, message)
            flags = _marks(message)
            self.spool.add(ENTRY, t_ns, conv, link=link, flags=flags, read=self._reads, **seen)

    def page(self, line: lines.Page) -> None:
        t_ns, conv = self._time(line.time), self.names.conversation(line.conversation)
        flags = PageFlag.LAST if line.complete else 0
        flags |= PageFlag.DISORDERED if line.disordered else 0
        flags |= PageFlag.EARLIER if line.earlier else 0
        flags |= PageFlag.LISTED if line.listed else 0
        flags |= PageFlag.ENTRIES if line.in_order else 0
        flags |= PageFlag.OLDEST_FIRST if line.oldest_first else 0
        flags |= PageFlag.OUTSIDE if line.outside else 0
        flags |= PageFlag.HEADS if line.only_head else 0
        several = line.in_order and line.entries > 1
        self.counts["listed pages"] += line.in_order
        self.counts["comparable pages"] += several
        self.counts["ordered pages"] += several and line.oldest_first
        if not 0 <= line.entries <= _U32_MAX:
            raise ValueError(f"entries must be a number of messages; got {line.entries}")
        self.spool.add(
            Kind.PAGE, t_ns, conv,
            ref_ns=self._begun(self._earlier(line, "requested", t_ns)),
            link=0 if line.user is None else self._requester(line, t_ns).number, peer=line.entries,
            seq=self._claimed(line, "after"), sseq=self._claimed(line, "through"), spare=flags,
        )  # fmt: skip

    def _claimed(self, line: lines.Page, key: str) -> int:
        """Return a position that a page claims; it claims none if only its order is known."""
        position: int = getattr(line, key)
        return 0 if line.in_order and position == 0 else self._exact(position, key)

    def stored(self, line: lines.Stored) -> None:
        t_ns, conv = self._time(line.time), self.names.conversation(line.conversation)
        flags = Channel.AUDIT | _marks(line)
        self.spool.add(Kind.AUDIT, t_ns, conv, flags=flags, **self._seen(conv, line))

    def audited(self, line: lines.Audited) -> None:
        t_ns, conv = self._time(line.time), self.names.conversation(line.conversation)
        head = 0 if line.head is None else self._exact(line.head, "head")
        self.spool.add(Kind.HEAD, t_ns, conv, seq=head)

    def member(self, line: lines.Member) -> None:
        conv, user = self.names.conversation(line.conversation), self.names.user(line.user)
        first = None if line.first is None else self._exact(line.first, "first")
        last = None if line.last is None else self._exact(line.last, "last")
        since = None if line.time is None else self._time(line.time)
        until = None if line.until is None else self._time(line.until, "until")
        if since is not None and until is not None and until < since:
            raise ValueError(f"until must not be before time; got {line.until!r}")
        if first is not None and last is not None and last < first:
            raise ValueError(f"last must not be before first; got {line.last}")
        self.members.append(MemberSpan(conv, user, since, until, first, last, line.unsure))

    def event(self, line: lines.Event) -> None:
        t_ns, conv = self._time(line.time), self.names.conversation(line.conversation)
        fields = {
            "peer": self.names.user(line.subject),
            "sseq": int(_EVENTS[line.event]),
            "seq": self._exact(line.position, "position"),
        }
        if line.user is None:
            flags = Channel.AUDIT | Flag.ROOM_EVENT
            self.spool.add(Kind.AUDIT, t_ns, conv, flags=flags, **fields)
            return
        link, flags = self._link(line, t_ns).number, int(_CHANNELS[line.channel])
        self.counts["pushes"] += line.channel == "live"
        kind = Kind.ROOM
        if line.copy:
            kind, flags = Kind.RECEIVE, flags | Flag.ROOM_EVENT | Flag.DUPLICATE
        elif line.missing is not None:
            kind, flags = Kind.ARRIVED, flags | Flag.ROOM_EVENT
            fields["spare"] = _missing(line.missing)
        self.spool.add(kind, t_ns, conv, link=link, flags=flags, **fields)

    def _answered(self, line: lines.Attendance | lines.Attempt) -> tuple[int, dict[str, int]]:
        """Return when a request was answered, and the fields of a record of it."""
        t_ns = self._time(line.time)
        requested = self._earlier(line, "requested", t_ns)
        link = 0 if line.user is None else self._requester(line, t_ns).number
        return t_ns, {"ref_ns": self._begun(requested), "link": link}

    def attendance(self, line: lines.Attendance) -> None:
        conv = self.names.conversation(line.conversation)
        t_ns, fields = self._answered(line)
        listed = Attendance.PRESENT if line.present else Attendance.ABSENT
        subject = self.names.user(line.subject)
        self.spool.add(Kind.ATTENDANCE, t_ns, conv, **fields, peer=subject, sseq=listed)

    def attempt(self, line: lines.Attempt) -> None:
        conv = self.names.conversation(line.conversation)
        t_ns, fields = self._answered(line)
        if not 0 <= line.obtained <= _U32_MAX:
            raise ValueError(f"obtained must be a number of entries; got {line.obtained}")
        if line.message is not None:
            number = fields["peer"] = self.names.message(conv, line.message)
            if self.names.attempts[number]:
                raise ValueError(f"message must not be that of a `send`; got {line.message!r:.80}")
            self.of_strangers.add(number)
            if line.user is not None:
                self.names.authors[number] = self.names.user(line.user)
        tried, outcome = _PROBES[line.tried], _RESULTS[line.outcome]
        self.spool.add(
            Kind.PROBE, t_ns, conv, **fields, sseq=tried, seq=line.obtained, spare=outcome
        )

    def contact(self, line: lines.Contact | lines.ContactList) -> None:
        t_ns = self._time(line.time)
        requested = self._begun(self._earlier(line, "requested", t_ns))
        account, other = self.names.account(line.account), self.names.account(line.other)
        if account == other:
            raise ValueError(f"other must not be the account itself; got {line.other!r:.80}")
        fields = {"ref_ns": requested, "peer": account, "sseq": other}
        if isinstance(line, lines.Contact):
            did, outcome = _CONTACTS[line.did], _RESULTS[line.outcome]
            self.spool.add(Kind.CONTACT, t_ns, 0, **fields, seq=did, spare=outcome)
        else:
            shown = sum({_RELATIONS[name] for name in line.lists})
            self.spool.add(Kind.CONTACT_LIST, t_ns, 0, **fields, seq=shown)

    def sticker(self, line: lines.Sticker) -> None:
        t_ns = self._time(line.time)
        account = self.names.account(line.account)
        self.spool.add(
            Kind.STICKER, t_ns, 0,
            ref_ns=self._begun(self._earlier(line, "requested", t_ns)),
            peer=account, sseq=self.names.sticker(account, line.message),
            seq=sticker_digest(line.sticker, ""),
            spare=0 if line.outcome is None else _RESULTS[line.outcome],
        )  # fmt: skip

    def gap(self, line: lines.Gap) -> None:
        t_ns, conv = self._time(line.time), self.names.conversation(line.conversation)
        first, last = self._exact(line.first, "first"), self._exact(line.last, "last")
        if last < first:
            raise ValueError(f"last must not be before first; got {line.last}")
        self.spool.add(
            Kind.GAP, t_ns, conv, link=self._link(line, t_ns).number, seq=first, sseq=last
        )

    def connect(self, line: lines.Connect) -> None:
        t_ns = self._time(line.time)
        link = self._link(line, t_ns, up_ns=t_ns)
        self.names.servers[link.number] = line.server
        dialled = self._begun(self._earlier(line, "dialled", t_ns))
        self.user_records.append(
            Record(t_ns, dialled, link=link.number, peer=link.user, kind=Kind.CONNECT)
        )

    def disconnect(self, line: lines.Disconnect) -> None:
        t_ns = self._time(line.time)
        link = self._link(line, t_ns)
        if not 0 <= line.code <= 0xFFFF:
            raise ValueError(f"code must be between 0 and 65535; got {line.code}")
        self.user_records.append(
            Record(
                t_ns,
                link=link.number,
                peer=link.user,
                sseq=_CLOSED_BY.get(line.closed_by, 0),
                kind=Kind.DISCONNECT,
                spare=line.code,
            )
        )

    def away(self, line: lines.Away) -> None:
        t_ns = self._time(line.time)
        link = self._link(line, t_ns)
        self.user_records.append(Record(t_ns, link=link.number, peer=link.user, kind=Kind.OFFLINE))

    def fault(self, line: lines.Fault) -> None:
        for key, name in (("fault", line.fault), ("type", line.type)):
            if not run_directory.is_slug(name):
                raise ValueError(f"{key} must have {run_directory.SLUG_FORM}; got {name!r:.80}")
        begin = self._time(line.time)
        if any(fault.id == line.fault for fault in self.faults):
            raise ValueError(f"fault must be a name of its own; got {line.fault!r:.80} again")
        until = None if line.until is None else self._time(line.until, "until")
        if until is not None and until < begin:
            raise ValueError(f"until must not be before time; got {line.until!r}")
        if line.recover_within is not None:
            _check_duration("recover_within", line.recover_within)
        # By the clocks of the users, the fault may have acted that much earlier and later.
        self.faults.append(
            FaultSpan(
                id=line.fault,
                kind=line.type,
                target=printable(line.target),
                begin_ns=self._begun(begin),
                requested_ns=self._begun(self._time_or(line.requested, "requested", begin)),
                until_ns=None if until is None else until + self.clock_error_ns,
                # A line without the key states the fault; an empty proof says that there is none.
                proof={"stated": True} if line.proof is None else line.proof,
                recover_within=line.recover_within,
            )
        )

    def phase(self, line: lines.Phase) -> None:
        self.phases.setdefault(line.phase, self._time(line.time))


def _outcome_of(line: lines.Send) -> str | None:
    """Return how a send ended by its own line, None if that does not say it."""
    outcome = _SYNONYMS.get(str(line.outcome), line.outcome)
    if outcome is None and (line.completed is not None or line.position is not None):
        outcome = "acked"
    if line.completed is None and outcome == "untried":
        raise ValueError("completed is missing; a send that was not tried must have an end")
    if line.completed is None and outcome == "acked":
        raise ValueError("completed is missing; an acknowledged send must have it")
    return outcome


def _checksum(body: str | None) -> int:
    """Return a checksum of a text, never 0; 0 if there is no text."""
    return 0 if body is None else zlib.crc32(body.encode("utf-8", "surrogatepass")) or 1


def _check_duration(key: str, seconds: float) -> None:
    """Raise ValueError if a number of seconds is no duration that the judge can use."""
    try:
        parse_duration_s(seconds)
    except ValueError as error:
        raise ValueError(f"{key} {error}") from None


def _check_retention(traits: lines.StatedTraits) -> None:
    retention = traits.retention
    for key in ("count", "age_s"):
        given = None if retention is None else getattr(retention, key)
        if given is not None and not 0 <= given < math.inf:
            raise ValueError(f"traits.retention.{key} must be zero or more; got {given}")


def _missing(count: int) -> int:
    """Return how many positions before a push had not come, as its record holds it."""
    if count < 0:
        raise ValueError(f"missing must be a number of positions; got {count}")
    return min(count, MISSING_MAX)


def _marks(
    line: lines.Deliver | lines.Copy | lines.Arrive | lines.Stored | lines.Message,
) -> int:
    marks = {Flag.CRC_BAD: line.corrupt, Flag.FOREIGN: line.foreign, Flag.LEFTOVER: line.leftover}
    return sum(int(flag) for flag, given in marks.items() if given)


_ADDERS: dict[type[lines.Line], Callable[[Converter, Any], None]] = {
    lines.Header: Converter.begin,
    lines.Send: Converter.send,
    lines.Ack: Converter.ack,
    lines.Reject: Converter.ack,
    lines.GiveUp: Converter.ack,
    lines.Deliver: Converter.deliver,
    lines.Copy: Converter.deliver,
    lines.Arrive: Converter.deliver,
    lines.Read: Converter.read,
    lines.Page: Converter.page,
    lines.Stored: Converter.stored,
    lines.Audited: Converter.audited,
    lines.Member: Converter.member,
    lines.Event: Converter.event,
    lines.Attendance: Converter.attendance,
    lines.Attempt: Converter.attempt,
    lines.Contact: Converter.contact,
    lines.ContactList: Converter.contact,
    lines.Sticker: Converter.sticker,
    lines.Gap: Converter.gap,
    lines.Connect: Converter.connect,
    lines.Disconnect: Converter.disconnect,
    lines.Away: Converter.away,
    lines.Fault: Converter.fault,
    lines.Phase: Converter.phase,
}
