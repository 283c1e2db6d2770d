"""Who was to be connected and never was: nobody knows what they would have been shown.

Users are planned; which of them the load started, its rows of `live.jsonl` tell. At the end it
wants everybody whom it started: who never got a connection was refused one, and nothing that was
sent is owed to him. Whom it did not start is not missed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gauntlet.core.run_directory import NUMBERS_PER_WORKER
from gauntlet.reports.history.connections import Sessions
from gauntlet.reports.history.directory import Names
from gauntlet.reports.history.events import Events
from gauntlet.reports.history.records import NEVER, Ints


@dataclass(frozen=True)
class Turnout:
    """How many users (or devices, where they have several) were `asked` to connect, and never did.

    `unsaid` are planned users who never connected, where nothing tells whether the load started
    them. All are 0 for a run that did not end in order: there was no time for everybody.
    """

    asked: int = 0
    never: int = 0
    unsaid: int = 0
    what: str = "users"

    @property
    def refused(self) -> str:
        """What is to be said of those who never got in; nothing if there are none."""
        if not self.never:
            return ""
        return (
            f"{self.never:,} of {self.asked:,} {self.what} that were to connect never got a "
            "connection, so that nothing is known of what they would have been shown."
        )


def count(
    live: Iterable[dict[str, Any]], happened: Events, names: Names, sessions: Sessions, devices: int
) -> Turnout:
    """The turnout of the workers whose part is whole."""
    if happened.called_back_ns == NEVER:
        return Turnout()
    started: dict[int, int] = {}
    for row in live:
        if "users" in row and row["worker"] not in happened.lost:
            started[row["worker"]] = max(started.get(row["worker"], 0), row["users"])
    seats = _by_worker(sessions.seats >> 32)
    asked = sum(started.values()) * devices
    came = sum(min(seats.get(worker, 0), users * devices) for worker, users in started.items())
    planned, seen = (
        _by_worker(np.array(list(users), dtype=np.int64))
        for users in (names.users, sessions.watching)
    )
    unsaid = (planned[one] - seen.get(one, 0) for one in planned if one not in started)
    return Turnout(asked, asked - came, sum(unsaid), "users" if devices == 1 else "devices")


def _by_worker(users: Ints) -> dict[int, int]:
    """How many of these are of each worker."""
    workers, counts = np.unique(users // NUMBERS_PER_WORKER, return_counts=True)
    return dict(zip(workers.tolist(), counts.tolist(), strict=True))
