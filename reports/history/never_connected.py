"""How many users the load started that never got a connection.

Users are planned; how many of them the load started is known from its rows of `live.jsonl`. At the
start of the quiesce the load connects every user that it started. A user who still never connected
was refused by the system, and nothing is known of what they would have received. A user whom the
load did not start is not counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gauntlet.core.run_directory import NUMBERS_PER_WORKER
from gauntlet.reports.history.arrays import NEVER, Ints
from gauntlet.reports.history.connections import Sessions
from gauntlet.reports.history.directory import Names
from gauntlet.reports.history.events import Events


@dataclass(frozen=True)
class NeverConnected:
    """How many users (or devices, if users have several) were to connect, and how many never did.

    `unaccounted` are planned users who never connected and of whom nothing shows whether the load
    started them. All numbers are 0 for a run that was cut short: not all users had time to connect.
    """

    requested: int = 0
    failed: int = 0
    unaccounted: int = 0
    noun: str = "users"

    def describe(self) -> str:
        """Return a sentence about those who never connected, empty if there are none."""
        if not self.failed:
            return ""
        return (
            f"{self.failed:,} of {self.requested:,} {self.noun} that the load started never got a "
            "connection, so it is unknown what they would have received."
        )


def count_never_connected(
    live: Iterable[dict[str, Any]], events: Events, names: Names, sessions: Sessions, devices: int
) -> NeverConnected:
    """Count over all workers that were not lost; `live` are the rows of live.jsonl."""
    if events.quiesce_started_ns == NEVER:
        return NeverConnected()
    started: dict[int, int] = {}
    for row in live:
        if "users" in row and row["worker"] not in events.lost:
            started[row["worker"]] = max(started.get(row["worker"], 0), row["users"])
    connected_sessions = _count_by_worker(sessions.user_sessions >> 32)
    requested = sum(started.values()) * devices
    connected = sum(
        min(connected_sessions.get(worker, 0), users * devices) for worker, users in started.items()
    )
    planned, connected_users = (
        _count_by_worker(np.array(list(users), dtype=np.int64))
        for users in (names.users, sessions.connected_users)
    )
    unaccounted = sum(
        planned[worker] - connected_users.get(worker, 0)
        for worker in planned
        if worker not in started
    )
    noun = "users" if devices == 1 else "devices"
    return NeverConnected(requested, requested - connected, unaccounted, noun)


def _count_by_worker(users: Ints) -> dict[int, int]:
    workers, counts = np.unique(users // NUMBERS_PER_WORKER, return_counts=True)
    return dict(zip(workers.tolist(), counts.tolist(), strict=True))
