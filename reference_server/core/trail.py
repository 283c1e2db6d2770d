"""The trail: what a process remembers of the messages that passed through it.

A process has a trail only if its configuration names a folder (`trail_dir`). It writes the trail
there when it ends in good order; a killed process leaves none. The trail holds positions and ids,
and no texts or tokens. `docs/reference/server-trail.md` describes the files.
"""

import json
import logging
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from gauntlet.reference_server.core.config import Config
from gauntlet.reference_server.core.wire import Entry

# Of each kind of row: a process that has this many intervals of positions forgets further ones, and
# says so in its trail.
INTERVALS_MAX = 200_000

ACCEPTED, COMMITTED, PUBLISHED = "accepted", "committed", "published"
RECEIVED, PUSHED = "received", "pushed"
EVERY_EDGE = "*"

Key = tuple[str, ...]

log = logging.getLogger(__name__)


class Positions:
    """The positions of conversations as intervals, because most of them are consecutive."""

    def __init__(self, intervals_max: int = INTERVALS_MAX) -> None:
        self.is_full = False
        self._room = intervals_max
        # For each key, first and last of each interval in turn, in the order of arrival.
        self._bounds: dict[Key, list[int]] = {}

    def add(self, key: Key, seq: int) -> None:
        """Add one position; forget it if there is no room for another interval."""
        bounds = self._bounds.get(key)
        if bounds is not None:
            if bounds[-1] == seq - 1:
                bounds[-1] = seq
                return
            if bounds[-2] <= seq <= bounds[-1]:
                return
        if self._room == 0:
            self.is_full = True
            return
        self._room -= 1
        if bounds is None:
            self._bounds[key] = [seq, seq]
        else:
            bounds.extend((seq, seq))

    def rows(self) -> Iterator[tuple[Key, list[list[int]]]]:
        """Yield each key with its intervals, sorted and merged."""
        for key, bounds in sorted(self._bounds.items()):
            yield key, _merge(zip(bounds[::2], bounds[1::2], strict=True))


class Trail:
    """The memory of one process; the names of its parts are those of the rows."""

    def __init__(self, config: Config, intervals_max: int = INTERVALS_MAX) -> None:
        self._config = config
        self._since_ns = time.monotonic_ns()
        self._ids_max = intervals_max
        # Sends whose commit has not been confirmed: conversation, sender, id.
        self._accepted: set[Key] = set()
        self._forgot_ids = False
        self._committed, self._published = Positions(intervals_max), Positions(intervals_max)
        self._received, self._pushed = Positions(intervals_max), Positions(intervals_max)

    def accept(self, conv: str, sender: str, client_msg_id: str) -> None:
        """Remember a send that was received, until its commit is confirmed."""
        if len(self._accepted) < self._ids_max:
            self._accepted.add((conv, sender, client_msg_id))
        else:
            self._forgot_ids = True

    def refuse(self, conv: str, sender: str, client_msg_id: str) -> None:
        """Forget a send that was refused: there is nothing to lose."""
        self._accepted.discard((conv, sender, client_msg_id))

    def commit(self, entry: Entry) -> None:
        """Remember an entry that the store has confirmed."""
        self._accepted.discard((entry.conv, entry.sender, entry.client_msg_id))
        self._committed.add((entry.conv,), entry.seq)

    def publish(self, edge: str, entries: Iterable[Entry]) -> None:
        """Remember entries that the bus has confirmed for an edge."""
        for entry in entries:
            self._published.add((entry.conv, edge), entry.seq)

    def receive(self, entries: Iterable[Entry]) -> None:
        """Remember entries that came from the bus or from a range read."""
        for entry in entries:
            self._received.add((entry.conv,), entry.seq)

    def push(self, user: str, device: str, conv: str, seq: int) -> None:
        """Remember an entry that was written to a client's socket."""
        self._pushed.add((conv, user, device), seq)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of the file; the first describes the process, the last counts them."""
        parts = (
            (COMMITTED, ("conv",), self._committed),
            (PUBLISHED, ("conv", "edge"), self._published),
            (RECEIVED, ("conv",), self._received),
            (PUSHED, ("conv", "user", "device"), self._pushed),
        )
        full = [name for name, _, positions in parts if positions.is_full]
        yield {
            "row": "process",
            "name": self._config.name,
            "services": list(self._config.services),
            "pid": os.getpid(),
            "since_ns": self._since_ns,
            "until_ns": time.monotonic_ns(),
            "full": [*([ACCEPTED] if self._forgot_ids else []), *full],
        }
        count = 2
        for conv, sender, client_msg_id in sorted(self._accepted):
            count += 1
            yield {"row": ACCEPTED, "conv": conv, "sender": sender, "id": client_msg_id}
        for name, fields, positions in parts:
            for key, intervals in positions.rows():
                count += 1
                yield {"row": name, **dict(zip(fields, key, strict=True)), "seqs": intervals}
        yield {"row": "end", "rows": count}


def begin(config: Config) -> Trail | None:
    """Return the trail of this process, None if its configuration asks for none."""
    return Trail(config) if config.trail_dir else None


def write(trail: Trail | None, config: Config) -> None:
    """Write a trail, if there is one; a failure is only logged, because the work is done."""
    if trail is not None:
        write_rows(Path(config.trail_dir) / f"{config.name}-{os.getpid()}.jsonl", trail.rows())


def write_rows(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows as JSON lines; a file of that name appears only when it is complete."""
    unfinished = file.with_suffix(".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("w", encoding="utf-8") as stream:
            for row in rows:
                stream.write(json.dumps(row, separators=(",", ":")) + "\n")
        unfinished.replace(file)
    except OSError as error:
        log.warning("the trail cannot be written: %s", error)


def _merge(intervals: Iterable[tuple[int, int]]) -> list[list[int]]:
    merged: list[list[int]] = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], last)
        else:
            merged.append([first, last])
    return merged
