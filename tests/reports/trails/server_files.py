"""Writes what the reference server would leave behind after a story: trails and process events."""

import json
from collections.abc import Iterable
from pathlib import Path

from gauntlet.core.run_directory import RunDir

from ..story import MS, ZERO, Story

PIDS = {"message-1": 11, "edge-blue-1": 21, "edge-blue-2": 22, "gateway-1": 31}
SERVICES = {"message-1": ["message"], "gateway-1": ["gateway"]}


class ServerFiles:
    """The rows of each process by name; all of them are complete and empty at first."""

    def __init__(self, story: Story) -> None:
        self.rows = {name: [] for name in PIDS}
        self.stored = []
        self.full = {name: [] for name in PIDS}
        self.left_none = set()
        self.restarted = set()  # those whose trail is that of the second process
        edges = {link.edge for link in story.links.values()}
        assert edges <= set(PIDS), edges
        self.events = [_event(name, "started", ZERO - MS) for name in PIDS]

    def add(self, name: str, row: str, seq: int, **fields: str) -> None:
        """Let a process remember one position."""
        self.rows[name].append({"row": row, **fields, "seqs": [[seq, seq]]})

    def accept(self, name: str, conv: str, sender: str, number: int) -> None:
        """Let a process remember a send whose commit was not confirmed."""
        row = {"row": "accepted", "conv": conv, "sender": sender, "id": f"g.1.2.{number}"}
        self.rows[name].append(row)

    def kill(self, name: str, at_ns: int) -> None:
        """Kill a process, and start its component again with another pid."""
        self.events.append(_event(name, "killed", at_ns))
        self.events.append({**_event(name, "started", at_ns + MS), "pid": PIDS[name] + 100})

    def write(self, run: RunDir) -> None:
        """Write the files, and add the events to those of the run."""
        run.server.mkdir()
        for name, rows in self.rows.items():
            if name not in self.left_none:
                write_file(run.server / f"{name}.jsonl", self._head(name), rows)
        stored = [{"row": "stored", "conv": conv, "seqs": seqs} for conv, seqs in self.stored]
        store = {"row": "store", "name": "messages-db", "until_ns": 1, "full": []}
        write_file(run.server / "messages-db.jsonl", store, stored)
        with (run.events / "run.jsonl").open("a", encoding="utf-8") as events:
            events.writelines(json.dumps(row) + "\n" for row in self.events)

    def _head(self, name: str) -> dict:
        pid = PIDS[name] + 100 * (name in self.restarted)
        about = {"name": name, "services": SERVICES.get(name, ["edge"]), "pid": pid}
        return {"row": "process", **about, "since_ns": 0, "until_ns": 1, "full": self.full[name]}


def write_file(file: Path, head: dict, rows: Iterable[dict]) -> None:
    """Write one complete trail."""
    every = [head, *rows]
    lines = [*every, {"row": "end", "rows": len(every) + 1}]
    file.write_text("".join(json.dumps(row) + "\n" for row in lines), encoding="utf-8")


def _event(name: str, event: str, at_ns: int) -> dict:
    return {"t_ns": at_ns, "kind": "component", "component": name, "event": event,
            "pid": PIDS[name], "detail": {}}  # fmt: skip
