"""Writes `links.jsonl`: users, conversations and connections, which records refer to by number."""

import json
from pathlib import Path

from gauntlet.core.run_directory import NUMBERS_PER_WORKER
from gauntlet.scenarios.client.connection import Connection
from gauntlet.scenarios.workloads.entities import Conversation, User


class DirectoryWriter:
    """The rows of one worker; all workers of a run append to the same file."""

    def __init__(self, file: Path, worker: int) -> None:
        self._file = file.open("ab", buffering=0)
        self._rows: list[str] = []
        self._last = worker * NUMBERS_PER_WORKER

    def write_user(self, user: User) -> None:
        """Write the row of a planned user."""
        self._add({"row": "user", "user": user.number, "name": user.name})

    def write_scripted_user(self, user: User) -> None:
        """Write a user's row again, once it is known that tasks control this user."""
        self._add({"row": "user", "user": user.number, "name": user.name, "driven": True})

    def write_conversation(self, conv: Conversation) -> None:
        """Write the row of a planned conversation."""
        self._add(
            {
                "row": "conv",
                "conv": conv.number,
                "name": conv.name,
                "workload": conv.workload,
                "members": list(conv.members),
            }
        )

    def write_created(self, user: User, kind: str, name: str) -> None:
        """Write the row of something that a user has created on the system."""
        self._add({"row": "created", "created": user.number, "kind": kind, "name": name})

    def write_account(self, number: int, name: str) -> None:
        """Write the row of an account that takes no part in the load."""
        self._add({"row": "account", "account": number, "name": name})

    def write_connection(self, connection: Connection) -> int:
        """Write the row of an established connection, and return its number."""
        self._last += 1
        connected = connection.connected
        self._add(
            {
                "row": "link",
                "link": self._last,
                "user": connection.session.user.number,
                "device": connection.session.user.device,
                "incarnation": connection.incarnation,
                "edge": connected.edge if connected else "",
                "environment": connected.environment if connected else "",
            }
        )
        return self._last

    def flush(self) -> None:
        """Write the buffered rows in a single call, so that rows of several workers never mix."""
        if self._rows:
            self._file.write("".join(self._rows).encode())
            self._rows.clear()

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        self._file.close()

    def _add(self, row: dict[str, object]) -> None:
        self._rows.append(json.dumps(row, separators=(",", ":")) + "\n")
