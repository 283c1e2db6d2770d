"""One large room, as a run directory whose records can be changed before it is judged."""

import json
from pathlib import Path

import numpy as np

from benchmarks.histories import MS, QUIESCE_S, RAMP_S, STEADY_S, ZERO, S, Size, generate
from gauntlet.core.history import DTYPE, Channel, Kind, PageFlag, id_digest
from gauntlet.core.run_directory import RunDir, read_jsonl
from gauntlet.reports.parts.splitting import Sizes

MESSAGES, MEMBERS = 120, 4
# Pieces of about 20 messages.
CUT = Sizes(part=150, batch=400, whole=200)
UNCUT = Sizes(part=150, batch=400)
AUDIT_NS = ZERO + (RAMP_S + STEADY_S + QUIESCE_S) * S
# The user with this number reconnects, and has pushed up to `MIDDLE` before.
RETURNING, NEW_LINK, MIDDLE = 2, 50, 57


class Room:
    """The records of a correct run in one room of four users, in the order of their times."""

    def __init__(self, folder: Path) -> None:
        size = Size(MESSAGES * MEMBERS, MEMBERS, 1, MESSAGES, 1)
        self.run: RunDir = generate(folder, size)
        (self.file,) = (file for file in self.run.history.glob("*.bin") if "user" not in file.name)
        self.records = np.fromfile(self.file, dtype=np.dtype(DTYPE))
        self.conv = int(self.records["conv"].max())

    def at(self, kind: Kind, **fields: int) -> int:
        """Return the index of the first record of a kind with these values."""
        chosen = self.records["kind"] == kind
        for name, value in fields.items():
            chosen &= self.records[name] == value
        return int(np.flatnonzero(chosen)[0])

    def add(self, kind: Kind, t_ns: int, **fields: int) -> None:
        """Add a record."""
        row = np.zeros(1, dtype=self.records.dtype)
        row["kind"], row["t_ns"], row["conv"] = kind, t_ns, self.conv
        for name, value in fields.items():
            row[name] = value
        self.records = np.concatenate([self.records, row])

    def write(self) -> RunDir:
        """Write the records in the order of their times."""
        rows = self.records[np.argsort(self.records["t_ns"], kind="stable")]
        rows.tofile(self.file)
        self._declare(self.file.name, rows.size)
        return self.run

    def _declare(self, name: str, count: int) -> None:
        journal = self.run.events / "load-0.jsonl"
        events = list(read_jsonl(journal))
        for event in events:
            if event["kind"] == "reconciliation":
                event["records"][name] = count
        journal.write_text("".join(json.dumps(event) + "\n" for event in events))

    def enrich(self) -> None:
        """Add what the generated run lacks: names, pages, ranges, held pushes, and a reconnect."""
        for kind, channel in ((Kind.ACK, 0), (Kind.AUDIT, int(Channel.AUDIT))):
            for row in self.records[self.records["kind"] == kind]:
                digest = id_digest(f"{row['peer']}-{row['sseq']}")
                same = {name: int(row[name]) for name in ("peer", "sseq", "seq", "link")}
                self.add(Kind.NAMED, int(row["t_ns"]), ref_ns=digest, flags=channel, **same)
        for after in range(0, MESSAGES, 10):
            spare = int(PageFlag.LAST) if after == MESSAGES - 10 else 0
            head = {"seq": after, "sseq": min(MESSAGES, after + 10), "spare": spare}
            self.add(Kind.PAGE, AUDIT_NS + MS, ref_ns=AUDIT_NS, peer=10, **head)
        for user in range(1, MEMBERS + 1):
            self.add(Kind.RANGE, AUDIT_NS + MS, peer=user, seq=1)
            self.add(Kind.START, ZERO + S, link=user, ref_ns=ZERO + S - MS)
        for row in self.records[self.records["kind"] == Kind.DELIVER][::7].copy():
            same = {name: int(row[name]) for name in ("peer", "sseq", "seq", "link", "ref_ns")}
            self.add(Kind.ARRIVED, int(row["t_ns"]) - 1, spare=1, **same)
        self._reconnect()
        self.records = self.records[np.argsort(self.records["t_ns"], kind="stable")]

    def _reconnect(self) -> None:
        pushed = np.isin(self.records["kind"], (Kind.DELIVER, Kind.ARRIVED))
        later = pushed & (self.records["link"] == RETURNING) & (self.records["seq"] > MIDDLE)
        ends_ns = int(self.records["t_ns"][self.at(Kind.ACK, seq=MIDDLE + 1)]) - 5
        self.records["link"][later] = NEW_LINK
        self.add(Kind.START, ends_ns + 2, link=NEW_LINK, ref_ns=ends_ns + 1, seq=MIDDLE)
        (file,) = (file for file in self.run.history.glob("*.bin") if file != self.file)
        users = np.fromfile(file, dtype=np.dtype(DTYPE))
        own = users["link"] == RETURNING
        again = users[own].copy()
        again["link"] = NEW_LINK
        for kind, rows, t_ns in (
            (Kind.DISCONNECT, users, ends_ns),
            (Kind.CONNECT, again, ends_ns + 2),
        ):
            rows["t_ns"][(rows["kind"] == kind) & np.isin(rows["link"], (RETURNING, NEW_LINK))] = (
                t_ns
            )
        again["ref_ns"][again["kind"] == Kind.CONNECT] = ends_ns + 1
        users = np.concatenate([users, again])
        users[np.argsort(users["t_ns"], kind="stable")].tofile(file)
        self._declare(file.name, users.size)
        with self.run.links.open("a", encoding="utf-8") as stream:
            row = {"row": "link", "link": NEW_LINK, "user": RETURNING, "device": "d0"}
            row |= {"incarnation": 2, "edge": "edge-1", "environment": "blue"}
            stream.write(json.dumps(row) + "\n")
