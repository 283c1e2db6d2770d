"""Writes a run directory as a history in JSON Lines, which `judge --from` judges alike."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, NamedTuple

import numpy as np

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.errors import HistoryError
from gauntlet.core.history import (
    Attendance,
    Channel,
    ClosedBy,
    Contact,
    Flag,
    Kind,
    PageFlag,
    Probe,
    ProbeResult,
    Relation,
    RoomEvent,
)
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario import model
from gauntlet.core.scenario.capabilities import CAPABILITIES, SERVER_SEQ
from gauntlet.reports.damage import as_history_error
from gauntlet.reports.history.arrays import Records, is_any
from gauntlet.reports.history.deliveries import CHANNEL_BITS
from gauntlet.reports.history.directory import Names
from gauntlet.reports.history.events import Events, collect_events
from gauntlet.reports.history.marks import apply_marks
from gauntlet.reports.history.records import read_records, without_damaged_workers

Row = dict[str, Any]
_CHUNK = 100_000
# Kinds of records whose `ref_ns` is when something was requested.
_REQUESTED = (
    Kind.PAGE,
    Kind.ATTENDANCE,
    Kind.PROBE,
    Kind.CONNECT,
    Kind.CONTACT,
    Kind.CONTACT_LIST,
    Kind.STICKER,
)
_CLOSED_BY = {int(each): each.name.lower() for each in ClosedBy}
# What an exported history has no evidence for, by check.
_UNJUDGED = {
    "timestamps": "an exported history does not contain time stamps of the server",
}


class Read(NamedTuple):
    """What an export is made of."""

    manifest: Row
    scenario: model.Scenario
    events: Events
    names: Names
    records: Records


def read_run(run: RunDir) -> Read:
    """Return what a run recorded; HistoryError if it is damaged, or has no records."""
    manifest = run.read_manifest()
    rows, scenario = apply_marks(run.read_events(), model.from_builtins(manifest["scenario"]))
    events = without_damaged_workers(run, collect_events(rows, scenario.faults))
    names = Names.read(run, events.lost)
    records = read_records(run, list(events.reconciliations), events.lost, events.clocks)
    if not records.size:
        raise HistoryError(f"{run.path} has no records")
    return Read(manifest, scenario, events, names, records)


def export_lines(run: RunDir, stream: IO[str]) -> int:
    """Write the history of a run, and return the number of lines; HistoryError if it is damaged."""
    with as_history_error([run.path], "exported"):
        return _export_lines(run, stream)


def _export_lines(run: RunDir, stream: IO[str]) -> int:
    found = read_run(run)
    count = 0
    numbered = SERVER_SEQ in _declared(found.manifest)
    for line in _all_rows(*found):
        row = line if numbered else _without_exact_positions(line)
        if row is None:
            continue
        stream.write(json.dumps(row, separators=(",", ":")) + "\n")
        count += 1
    return count


def _all_rows(
    manifest: Row, scenario: model.Scenario, events: Events, names: Names, records: Records
) -> Iterator[Row]:
    yield _header(manifest, scenario, events)
    records = _as_recorded(records, events.clock_error_ns)
    for phase, t_ns in events.phases.items():
        yield {"kind": "phase", "time": t_ns, "phase": phase}
    yield from _faults(scenario, events)
    yield from _members(names, records)
    # Connections first, because a `connect` precedes what happens on its connection.
    first = (Kind.CONNECT, Kind.DISCONNECT, Kind.OFFLINE)
    for wanted in (True, False):
        for start in range(0, records.size, _CHUNK):
            for record in records[start : start + _CHUNK].tolist():
                line = _Record(names, *record)
                if (line.kind in first) is wanted and (write := _WRITERS.get(line.kind)):
                    yield write(line)


def _as_recorded(records: Records, clock_error_ns: int) -> Records:
    """Return the records of an imported history with the times that its importer moved back."""
    if not clock_error_ns:
        return records
    records = records.copy()
    kinds, t_ns, ref_ns = (records[column] for column in ("kind", "t_ns", "ref_ns"))
    t_ns[is_any(kinds, (Kind.OP, Kind.ATTEMPT))] += clock_error_ns
    asked = is_any(kinds, _REQUESTED) & (ref_ns > 0)
    ref_ns[asked] = np.minimum(ref_ns[asked] + clock_error_ns, t_ns[asked])
    return records


def _declared(manifest: Row) -> Iterable[str]:
    declared: Iterable[str] = manifest.get("adapter", {}).get("capabilities", CAPABILITIES)
    return declared


def _without_exact_positions(row: Row) -> Row | None:
    """Return a line of a system without SERVER_SEQ, None if it only concerns positions."""
    if row["kind"] in ("gap", "event") or (row["kind"] == "page" and "in_order" not in row):
        return None
    if row["kind"] == "page":  # what remains is the order of its entries
        row |= {"after": 0, "through": 0, "disordered": False, "earlier": False}
        row.pop("listed", None)
    row.pop("head", None)
    row.pop("missing", None)
    if row.get("position") == 0:
        del row["position"]
    if row.pop("first", 1) > 1 or row.pop("last", None) is not None:
        row["unsure"] = True
        row.pop("last", None)
    return row


def _header(manifest: Row, scenario: model.Scenario, events: Events) -> Row:
    return {
        "kind": "header",
        "time": "ns",
        "name": scenario.name,
        "about": scenario.about,
        "system": scenario.target.adapter,
        "capabilities": sorted(_declared(manifest)),
        "traits": manifest.get("adapter", {}).get("traits", {}),
        "clock_error": events.clock_error_ns / NS_PER_S,
        "delivery_deadline": float(scenario.delivery_deadline),
        "recovery_window": float(scenario.recovery_window),
        **_required(manifest, scenario),
        "unjudged": {**manifest.get("imported", {}).get("unjudged", {}), **_UNJUDGED},
    }


def _required(manifest: Row, scenario: model.Scenario) -> Row:
    """Return the checks that the verdict requires, unless these are all that can be judged."""
    if manifest.get("imported", {}).get("requires") == "judged":
        return {}
    return {"require": [check for check in scenario.checks.required if check not in _UNJUDGED]}


def _faults(scenario: model.Scenario, events: Events) -> Iterator[Row]:
    widened_ns = events.clock_error_ns  # by the importer
    for planned, fault in zip(scenario.faults, events.faults, strict=True):
        if fault.effective_ns is not None:
            yield {
                "kind": "fault",
                "time": fault.effective_ns + widened_ns,
                "fault": fault.id,
                "type": fault.kind,
                "target": fault.target,
                "requested": None
                if fault.requested_ns is None
                else fault.requested_ns + widened_ns,
                "until": None if fault.healed_ns is None else fault.healed_ns - widened_ns,
                "proof": fault.proof,
                "recover_within": planned.expect.recover_within,
            }


def _members(names: Names, records: Records) -> Iterator[Row]:
    ranges = records[records["kind"] == Kind.RANGE]
    ranged = {(int(row["conv"]), int(row["peer"])) for row in ranges}
    has_ranges = {conv for conv, _ in ranged}
    for number, conversation in names.convs.items():
        for user in conversation.members:
            if (number, user) not in ranged:
                unsure = {"unsure": True} if number in has_ranges else {}
                yield _member(names, user, number, **unsure)
    latest = {(int(row["conv"]), int(row["peer"]), int(row["seq"])): row for row in ranges}
    for (conv, user, first), row in latest.items():
        yield _member(names, user, conv, first=first, last=int(row["sseq"]) or None)


def _member(names: Names, user: int, conv: int, **more: Any) -> Row:
    return {"kind": "member", "user": names.user(user), "conversation": names.conv(conv), **more}


class _Record:
    """A record with the names that its numbers stand for."""

    def __init__(self, names: Names, *fields: int) -> None:
        self._names = names
        (
            self.t_ns,
            self.ref_ns,
            self.conv,
            self.link,
            self.peer,
            self.sseq,
            self.seq,
            self.kind,
            self.flags,
            self.spare,
        ) = fields

    def row(self, kind: str, **more: Any) -> Row:
        """Return a line of a kind without the keys that have no value.

        What no user of the history wrote is a message, too, though it has no name.
        """
        kept = {"message"} if self.flags & Flag.FOREIGN else set()
        given = {key: value for key, value in more.items() if value is not None or key in kept}
        return {"kind": kind, "time": self.t_ns, **given}

    @property
    def place(self) -> Row:
        """The conversation."""
        return {"conversation": self._names.conv(self.conv)}

    @property
    def device(self) -> Row:
        """The user, the device and the connection; nothing for the audit."""
        found = self._names.connections.get(self.link)
        if found is None:
            return {}
        return {
            "user": self._names.user(found.user),
            "device": found.device,
            "connection": found.incarnation,
        }

    @property
    def first_device(self) -> Row:
        """The user and their first device, where older runs name only the user."""
        user = self.peer
        devices = [device for owner, device in self._names.sessions if owner == user]
        return {"user": self._names.user(user), "device": devices[0] if devices else None}

    @property
    def subject(self) -> str:
        """The user of `peer`."""
        return self._names.user(self.peer)

    @property
    def pair(self) -> Row:
        """An account and the other one of its pair."""
        return {"account": self.subject, "other": self._names.user(self.sseq)}

    @property
    def message(self) -> Row:
        """The message, and who wrote it."""
        if self.flags & Flag.FOREIGN:
            return {**self.place, "message": None}
        name = f"{self.subject}/{self._names.message(self.sseq)}"
        return {**self.place, "message": name, "sender": self.subject}

    @property
    def attempted(self) -> str | None:
        """The message that a stranger tried to send, named as in the line that stores it."""
        user = self.device.get("user")
        return f"{user}/{self._names.message(self.peer)}" if user and self.peer else None

    @property
    def marks(self) -> Row:
        """What is unusual about a copy."""
        marks = {"corrupt": Flag.CRC_BAD, "foreign": Flag.FOREIGN, "leftover": Flag.LEFTOVER}
        return {name: True for name, flag in marks.items() if self.flags & flag}

    @property
    def channel(self) -> str:
        """The channel of a delivery."""
        return Channel(self.flags & CHANNEL_BITS).name.lower()


def _sent(record: _Record) -> Row:
    message = record.message
    del message["sender"]
    return record.row("send", **record.device, **message, intended=record.ref_ns)


def _end(record: _Record) -> Row:
    message = record.message
    author = message.pop("sender")
    if record.kind == Kind.REJECT and record.spare == 0:  # it was never tried
        return record.row(
            "send", **record.device, **message, intended=record.ref_ns, outcome="untried",
            completed=record.t_ns,
        )  # fmt: skip
    if record.kind == Kind.ACK:
        handed = True if record.flags & Flag.HANDED_OVER else None
        return record.row(
            "ack", user=author, **message, position=record.seq or None, handed_over=handed
        )
    kind = "reject" if record.kind == Kind.REJECT else "unknown"
    return record.row(kind, user=author, **message)


_COPIES: dict[int, str] = {
    Kind.DELIVER: "deliver",
    Kind.RECEIVE: "copy",
    Kind.ARRIVED: "arrive",
}


def _copy(record: _Record) -> Row:
    if record.kind == Kind.RECEIVE and record.flags & Flag.ROOM_EVENT:
        return _event(record)
    if record.kind == Kind.ARRIVED and record.flags & Flag.ROOM_EVENT:
        return _event(record)
    late = record.kind == Kind.RECEIVE and not record.flags & Flag.DUPLICATE
    return record.row(
        _COPIES[record.kind],
        **record.device,
        **record.message,
        position=record.seq,
        channel=record.channel,
        late=True if late else None,
        missing=(record.spare or None) if record.kind == Kind.ARRIVED else None,
        **record.marks,
    )


def _event(record: _Record) -> Row:
    return record.row(
        "event",
        **record.device,
        **record.place,
        position=record.seq,
        event=RoomEvent(record.sseq).name.lower(),
        subject=record.subject,
        channel=record.channel if record.kind != Kind.AUDIT else None,
        copy=True if record.kind == Kind.RECEIVE else None,
        missing=record.spare if record.kind == Kind.ARRIVED else None,
    )


def _audit(record: _Record) -> Row:
    if record.flags & Flag.ROOM_EVENT:
        return _event(record)
    return record.row("stored", **record.message, position=record.seq, **record.marks)


def _page(record: _Record) -> Row:
    return record.row(
        "page",
        **record.device,
        **record.place,
        entries=record.peer,
        after=record.seq,
        through=record.sseq,
        requested=record.ref_ns,
        complete=bool(record.spare & PageFlag.LAST),
        disordered=bool(record.spare & PageFlag.DISORDERED),
        earlier=bool(record.spare & PageFlag.EARLIER),
        listed=bool(record.spare & PageFlag.LISTED) or None,
        in_order=bool(record.spare & PageFlag.ENTRIES) or None,
        oldest_first=bool(record.spare & PageFlag.OLDEST_FIRST) or None,
        outside=bool(record.spare & PageFlag.OUTSIDE) or None,
        only_head=bool(record.spare & PageFlag.HEADS) or None,
    )


def _attendance(record: _Record) -> Row:
    return record.row(
        "attendance",
        **record.device,
        **record.place,
        subject=record.subject,
        present=record.sseq == Attendance.PRESENT,
        requested=record.ref_ns,
    )


def _attempt(record: _Record) -> Row:
    return record.row(
        "attempt",
        **record.device,
        **record.place,
        tried=Probe(record.sseq).name.lower(),
        outcome=ProbeResult(record.spare).name.lower(),
        message=record.attempted,
        obtained=record.seq or None,
        requested=record.ref_ns or None,
    )


def _contact(record: _Record) -> Row:
    return record.row(
        "contact",
        **record.pair,
        did=Contact(record.seq).name.lower(),
        outcome=ProbeResult(record.spare).name.lower(),
        requested=record.ref_ns,
    )


def _contact_list(record: _Record) -> Row:
    lists = [str(each.name).lower() for each in Relation if record.seq & each]
    return record.row("contact_list", **record.pair, lists=lists, requested=record.ref_ns)


def _sticker(record: _Record) -> Row:
    return record.row(
        "sticker",
        account=record.subject,
        message=record.sseq,
        sticker=str(record.seq),
        outcome=ProbeResult(record.spare).name.lower() if record.spare else None,
        requested=record.ref_ns,
    )


_WRITERS: dict[int, Callable[[_Record], Row]] = {
    Kind.ATTEMPT: _sent,
    Kind.ACK: _end,
    Kind.REJECT: _end,
    Kind.UNKNOWN: _end,
    Kind.DELIVER: _copy,
    Kind.RECEIVE: _copy,
    Kind.ARRIVED: _copy,
    Kind.ROOM: _event,
    Kind.AUDIT: _audit,
    Kind.HEAD: lambda record: record.row("audited", **record.place, head=record.seq or None),
    Kind.PAGE: _page,
    Kind.ATTENDANCE: _attendance,
    Kind.PROBE: _attempt,
    Kind.CONTACT: _contact,
    Kind.CONTACT_LIST: _contact_list,
    Kind.STICKER: _sticker,
    Kind.GAP: lambda record: record.row(
        "gap", **record.device, **record.place, first=record.seq, last=record.sseq
    ),
    Kind.CONNECT: lambda record: record.row("connect", **record.device, dialled=record.ref_ns),
    Kind.DISCONNECT: lambda record: record.row(
        "disconnect",
        **record.device,
        code=record.spare,
        closed_by=_CLOSED_BY.get(record.sseq),
    ),
    Kind.OFFLINE: lambda record: record.row("away", **(record.device or record.first_device)),
}
