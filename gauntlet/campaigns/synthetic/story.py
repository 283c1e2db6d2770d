"""A synthetic run: what its writers would have written, as a run directory.

`histories.py` builds one without violations; `mutators.py` breaks it, one thing each.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gauntlet.core.history import (
    STAMP_AGE_UNIT_NS,
    STAMP_AGE_ZERO,
    USER_KINDS,
    Channel,
    Flag,
    Kind,
    Miss,
    Record,
    shard_name,
    stamp_age,
    user_shard_name,
)
from gauntlet.core.run_directory import RunDir, write_json
from gauntlet.core.scenario.capabilities import CAPABILITIES, DEVICES, MEMBERS_ONLY, SELF_ECHO
from gauntlet.core.scenario.model import Scenario, from_builtins, to_builtins

S = 1_000_000_000
MS = 1_000_000
ZERO = 5_000 * S
RAMP_S, STEADY_S = 2, 24
FAULT_S, HEAL_S, BACK_S = 8.0, 10.0, 10.3
QUIESCE_NS = ZERO + (RAMP_S + STEADY_S) * S
SCENARIO: dict[str, Any] = {
    "version": 1,
    "name": "synthetic",
    "about": "A made-up run.",
    "seed": 3,
    "load": {"users": 8, "ramp": RAMP_S, "steady": STEADY_S, "rate": 40},
    "faults": [
        {"id": "edge-crash", "kind": "kill", "target": "edge-blue-1", "at": FAULT_S, "for": 2}
    ],
    "sla": [
        {"id": "fast", "indicator": "delivery_p99_ms", "op": "<", "value": 500},
        {
            "id": "fast-in-fault",
            "indicator": "delivery_p99_ms",
            "op": "<",
            "value": 5000,
            "window": "fault:edge-crash",
        },
    ],
    "recovery_window": 5,
}


@dataclass
class Link:
    """A connection of the model."""

    number: int
    user: int
    edge: str
    up: int
    down: int
    code: int
    incarnation: int
    device: str = "d0"


@dataclass
class Story:
    """A run as its writers would record it; `write` makes a run directory of it."""

    scenario: dict[str, Any] = field(default_factory=lambda: json.loads(json.dumps(SCENARIO)))
    records: list[Record] = field(default_factory=list)
    users: dict[int, str] = field(default_factory=dict)
    driven: set[int] = field(default_factory=set)
    convs: dict[int, dict[str, Any]] = field(default_factory=dict)
    links: dict[int, Link] = field(default_factory=dict)
    chaos: list[dict[str, Any]] = field(default_factory=list)
    conductor: list[dict[str, Any]] = field(default_factory=list)
    phases: dict[str, float] = field(default_factory=dict)
    reconciliation: dict[str, int] = field(default_factory=dict)
    live: list[dict[str, Any]] = field(default_factory=list)
    lacks: frozenset[str] = frozenset()  # capabilities that the system does not have
    accounts: dict[int, str] = field(default_factory=dict)  # that take no part in the load

    def add(self, kind: Kind, t_ns: float, **fields: int) -> None:
        """Add a record."""
        self.records.append(Record(int(t_ns), kind=kind, **fields))

    def at(self, kind: Kind, **fields: int) -> list[int]:
        """Return the indices of the records with these fields, sorted by time."""
        return sorted(
            (
                index
                for index, record in enumerate(self.records)
                if record.kind == kind
                and all(getattr(record, name) == value for name, value in fields.items())
            ),
            key=lambda index: self.records[index].t_ns,
        )

    def change(self, index: int, **fields: int) -> None:
        """Replace fields of a record; a stamp grows older if its delivery is moved."""
        record = self.records[index]
        later_ns = fields.get("t_ns", record.t_ns) - record.t_ns
        if record.kind == Kind.DELIVER and record.spare and "spare" not in fields:
            age = record.spare - STAMP_AGE_ZERO
            fields["spare"] = stamp_age(age * STAMP_AGE_UNIT_NS + later_ns)
        self.records[index] = record._replace(**fields)

    def miss(self, at_s: float, reason: Miss = Miss.NO_SENDER) -> None:
        """Add an arrival, intended at that second of the timeline, that became no op."""
        intended = ZERO + int(at_s * S)
        self.add(Kind.MISSED, intended + MS, ref_ns=intended, spare=reason)
        self.reconcile()

    def drop(self, indices: list[int]) -> None:
        """Remove records."""
        gone = set(indices)
        self.records = [record for at, record in enumerate(self.records) if at not in gone]

    def add_device(self, user: int, device: int = 1) -> None:
        """Give a user another device, which receives everything that the first one receives."""
        seen = (Kind.CONNECT, Kind.DISCONNECT, Kind.DELIVER, Kind.RECEIVE, Kind.ROOM, Kind.GAP)
        own = [link for link in self.links.values() if (link.user, link.device) == (user, "d0")]
        for link in own:
            number = link.number + 1_000 * device
            self.links[number] = dataclasses.replace(link, number=number, device=f"d{device}")
            for index in [index for kind in seen for index in self.at(kind, link=link.number)]:
                self.records.append(self.records[index]._replace(link=number))

    def leave_behind(self, count: int) -> None:
        """Let each direct conversation begin with `count` messages of an earlier run.

        Everything of this run follows them. The members read them from the history when they
        connect, receive the last one once more, and the audit finds them all.
        """
        self.scenario["target"] = {"stack": "external", "url": ["ws://127.0.0.1:9"]}
        self.scenario["accounts"] = {"pattern": "load-{n}"}
        direct = {conv for conv, about in self.convs.items() if len(about["members"]) == 2}
        for index, record in enumerate(self.records):
            if record.conv in direct:
                self.records[index] = _moved(record, count)
        for conv in sorted(direct):
            author, reader = self.convs[conv]["members"]
            link = min(number for number, link in self.links.items() if link.user == reader)
            flags = {"shown": Channel.RESYNC, "pushed": Channel.LIVE, "audit": Channel.AUDIT}
            old = {name: flag | Flag.LEFTOVER for name, flag in flags.items()}
            up = self.links[link].up
            self.add(Kind.PAGE, up, conv=conv, link=link, peer=count, sseq=count, ref_ns=up - MS)
            for seq in range(1, count + 1):
                fields = {"conv": conv, "peer": author, "sseq": seq, "seq": seq, "ref_ns": S}
                at = up + seq * MS
                self.add(Kind.DELIVER, at, link=link, flags=old["shown"], **fields)
                self.add(Kind.AUDIT, ZERO + 60 * S + seq, flags=old["audit"], **fields)
            fields |= {"link": link, "flags": old["pushed"] | Flag.DUPLICATE}
            self.add(Kind.RECEIVE, up + S, **fields)

    def silence_echoes(self) -> None:
        """Remove what senders received of their own messages, as if without SELF_ECHO."""
        own = [
            index
            for kind in (Kind.DELIVER, Kind.RECEIVE)
            for index in self.at(kind)
            if self.links[self.records[index].link].user == self.records[index].peer
            and not self.records[index].flags & Flag.ROOM_EVENT
        ]
        self.drop(own)

    def reconcile(self) -> None:
        """Update what follows from the records: what the audit was told, and the counts."""
        stored = {(r.conv, r.peer, r.sseq) for r in self.records if r.kind == Kind.AUDIT}
        self.records = [
            record
            for record in self.records
            if record.kind not in (Kind.NAMED, Kind.STAMP)
            or record.flags != Channel.AUDIT
            or (record.conv, record.peer, record.sseq) in stored
        ]
        # What the load requested of the server is not in the records of what happened.
        known = self.reconciliation
        self.reconciliation = reconcile(self)
        if "removals" in known:
            self.reconciliation["removals"] = known["removals"]

    def write(self, parent: Path) -> RunDir:
        """Write the run directory and return it."""
        run = RunDir(parent / f"20260101T000000Z-{self.scenario['name']}-3-0000")
        for folder in (run.events, run.history, run.latency, run.logs):
            folder.mkdir(parents=True)
        scenario: Scenario = from_builtins(self.scenario)
        write_json(run.manifest, manifest(scenario, self.lacks))
        _write_rows(run.links, self._names())
        shards = self._shards()
        for name, records in shards.items():
            (run.history / name).write_bytes(b"".join(record.pack() for record in records))
        counts = {name: len(records) for name, records in shards.items()}
        load: list[dict[str, Any]] = [
            {"t_ns": ZERO + int(at * S), "kind": "phase", "phase": phase}
            for phase, at in self.phases.items()
        ]
        if self.reconciliation:
            load.append(
                {
                    "t_ns": max([load[-1]["t_ns"], *(r.t_ns for r in self.records)]),
                    "kind": "reconciliation",
                    "worker": 0,
                    "records": counts,
                    **self.reconciliation,
                }
            )
        _write_rows(run.events / "load-0.jsonl", load)
        _write_rows(run.events / "chaos.jsonl", self.chaos)
        _write_rows(run.events / "run.jsonl", self.conductor)
        if self.live:
            _write_rows(run.live, self.live)
        return run

    def _shards(self) -> dict[str, list[Record]]:
        shards: dict[str, list[Record]] = {user_shard_name(0): []}
        for record in sorted(self.records, key=lambda record: record.t_ns):
            scoped = record.kind in USER_KINDS
            name = user_shard_name(0) if scoped else shard_name(0, record.conv)
            shards.setdefault(name, []).append(record)
        return shards

    def _names(self) -> list[dict[str, Any]]:
        return [
            *({"row": "user", "user": user, "name": name} for user, name in self.users.items()),
            *(
                {"row": "user", "user": user, "name": self.users[user], "driven": True}
                for user in sorted(self.driven)
            ),
            *(
                {"row": "account", "account": account, "name": name}
                for account, name in self.accounts.items()
            ),
            *({"row": "conv", "conv": conv, **about} for conv, about in self.convs.items()),
            *(
                {
                    "row": "link",
                    "link": link.number,
                    "user": link.user,
                    "device": link.device,
                    "incarnation": link.incarnation,
                    "edge": link.edge,
                    "environment": "blue",
                }
                for link in self.links.values()
            ),
        ]


def manifest(scenario: Scenario, lacks: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return what `gauntlet.runner.manifest` writes, with the data of a fixed machine."""
    return {
        "schema_version": 1,
        "argv": ["gauntlet", "run", scenario.name],
        "scenario": to_builtins(scenario),
        "seed": scenario.seed,
        "bug": None,
        "commit": "0123456789ab",
        "versions": {"im-gauntlet": "0.1.0", "locust": "2.47.0"},
        "machine": {"system": "Linux", "python": "3.11.9", "cores": 2, "memory_mb": 4096},
        "clock": {"monotonic_ns": ZERO, "wall_ns": 1_767_225_600 * S, "error_ms": 0.0},
        "stack": {"name": "embedded"},
        "adapter": {"capabilities": sorted(CAPABILITIES.keys() - {DEVICES, MEMBERS_ONLY} - lacks)},
        "proxy": {"backend": "toxiproxy-server", "links": ["client>edge-blue-1"]},
    }


def _write_rows(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _moved(record: Record, by: int) -> Record:
    """Return a record of a numbered conversation with all positions moved."""
    ends = (Kind.GAP, Kind.PAGE)  # their `sseq` is a position
    seq = record.seq + by if record.seq or record.kind in (Kind.PAGE, Kind.HEAD) else 0
    return record._replace(seq=seq, sseq=record.sseq + by if record.kind in ends else record.sseq)


MessageKey = tuple[int, int, int]  # conversation, author, number of the author's message
Seat = tuple[int, str]  # user, device


@dataclass
class _Tally:
    """What the records of a story say, in plain sets: nothing here is shared with the judge."""

    ended: dict[MessageKey, Kind] = field(default_factory=dict)
    position: dict[MessageKey, int] = field(default_factory=dict)  # as it was acknowledged
    stored: dict[MessageKey, int] = field(default_factory=dict)  # positions that the audit read
    ranges: dict[tuple[int, int], list[tuple[int, int]]] = field(default_factory=dict)
    shown: set[tuple[MessageKey, Seat]] = field(default_factory=set)
    connected: set[Seat] = field(default_factory=set)

    def add(self, record: Record, seats: Mapping[int, Seat]) -> None:
        """Count a record; `seats` has the user and device of each connection."""
        key = (record.conv, record.peer, record.sseq)
        is_message = not record.flags & (Flag.FOREIGN | Flag.LEFTOVER | Flag.ROOM_EVENT)
        if record.kind in (Kind.ACK, Kind.REJECT, Kind.UNKNOWN):
            self.ended[key] = Kind(record.kind)
            self.position[key] = record.seq
        elif record.kind == Kind.DELIVER and is_message:
            self.shown.add((key, seats[record.link]))
        elif record.kind == Kind.AUDIT and is_message and record.seq:
            self.stored.setdefault(key, record.seq)
        elif record.kind == Kind.CONNECT:
            self.connected.add(seats[record.link])
        elif record.kind == Kind.RANGE:
            own = self.ranges.setdefault((record.conv, record.peer), [])
            own.append((record.seq, record.sseq))

    def is_entitled(self, user: int, key: MessageKey) -> bool:
        """Return whether a member may read a message; a range without a last position is open."""
        conv = key[0]
        if not any(ranged == conv for ranged, _ in self.ranges):
            return True
        seq = self.stored.get(key, self.position[key])
        own = self.ranges.get((conv, user), ())
        return any(first <= seq and (not last or seq <= last) for first, last in own)


def reconcile(story: Story) -> dict[str, int]:
    """Return the counts that the load would report, computed with plain sets and loops."""
    seats = {link.number: (link.user, link.device) for link in story.links.values()}
    tally = _Tally()
    for record in sorted(story.records, key=lambda record: record.t_ns):
        tally.add(record, seats)
    acked = [key for key, kind in tally.ended.items() if kind == Kind.ACK]
    expected = {
        (key, (user, device))
        for key in acked
        for user, device in tally.connected
        if user in story.convs[key[0]]["members"]
        if tally.is_entitled(user, key)
        if user != key[1] or SELF_ECHO not in story.lacks
    }
    ops, missed = len(story.at(Kind.OP)), len(story.at(Kind.MISSED))
    return {
        "intended": ops + missed,
        "missed": missed,
        "ops": ops,
        "acked": len(acked),
        "rejected": sum(kind == Kind.REJECT for kind in tally.ended.values()),
        "unknown": sum(kind == Kind.UNKNOWN for kind in tally.ended.values()),
        "expected": len(expected),
        "presented": len(expected & tally.shown),
        "missing": len(expected - tally.shown),
    }
