"""Writes `links.jsonl`: the users, conversations and connections that records name by number."""

import json
from pathlib import Path

from gauntlet.core.run_directory import NUMBERS_PER_WORKER
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.workloads.entities import Conversation, User


class DirectoryWriter:
    """One worker's rows; workers of a run append to one file."""

    def __init__(self, file: Path, worker: int) -> None:
        self._file = file.open("ab", buffering=0)
        self._rows: list[str] = []
        self._last = worker * NUMBERS_PER_WORKER

    def user(self, user: User) -> None:
        """A planned user."""
        self._add({"row": "user", "user": user.number, "name": user.name})

    def driven(self, user: User) -> None:
        """His row once more: tasks drive him, which nobody knows before he is seated."""
        self._add({"row": "user", "user": user.number, "name": user.name, "driven": True})

    def conversation(self, conv: Conversation) -> None:
        """A planned conversation."""
        self._add(
            {
                "row": "conv",
                "conv": conv.number,
                "name": conv.name,
                "workload": conv.workload,
                "members": list(conv.members),
            }
        )

    def link(self, link: Connection) -> int:
        """A connection that came up; answers its number."""
        self._last += 1
        connected = link.connected
        self._add(
            {
                "row": "link",
                "link": self._last,
                "user": link.session.user.number,
                "device": link.session.user.device,
                "incarnation": link.incarnation,
                "edge": connected.edge if connected else "",
                "environment": connected.environment if connected else "",
            }
        )
        return self._last

    def flush(self) -> None:
        """Write what there is, whole rows in one go, so that workers' rows never mix."""
        if self._rows:
            self._file.write("".join(self._rows).encode())
            self._rows.clear()

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        self._file.close()

    def _add(self, row: dict[str, object]) -> None:
        self._rows.append(json.dumps(row, separators=(",", ":")) + "\n")
