"""What all parts of a history share, and how the records of some of them are joined."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gauntlet.core.history import Flag, Kind
from gauntlet.core.scenario.model import Scenario
from gauntlet.core.scenario.traits import Traits
from gauntlet.reports.checks._departures import LastPushes, last_pushes
from gauntlet.reports.history.arrays import (
    Ints,
    Records,
    distinct,
    has_flag,
    ints,
    is_any,
    joined_records,
)
from gauntlet.reports.history.directory import Names
from gauntlet.reports.history.events import Events
from gauntlet.reports.history.history import History, WholeRun, assemble_history
from gauntlet.reports.history.never_connected import NeverConnected
from gauntlet.reports.parts import splitting
from gauntlet.reports.parts.splitting import Span


@dataclass(frozen=True)
class Context:
    """What all parts share: the run, its users with their connections, and its first and last time.

    `files` are the shards of conversations by name. `users` are the records about users,
    `by_user` their indices, sorted by user, and `owners` the users in that order. `pushes` is None
    if there were no events of rooms.
    """

    scenario: Scenario
    events: Events
    names: Names
    capabilities: frozenset[str]
    traits: Traits
    files: dict[str, Path]
    users: Records
    by_user: Ints
    owners: Ints
    span_ns: tuple[int, int]
    never_connected: NeverConnected
    pushes: LastPushes | None

    def history(self, records: Records) -> History:
        """Return the history of these records of whole conversations, and of their users."""
        convs = distinct(ints(records["conv"]))
        whole = WholeRun(self.span_ns, self.never_connected, frozenset(convs.tolist()))
        rows = joined_records([records, self._users_of(records, convs)])
        history = assemble_history(
            self.scenario,
            self.events,
            self.names,
            rows,
            self.capabilities,
            (),
            self.traits,
            whole,
        )
        if self.pushes is not None:
            history.derived[last_pushes] = self.pushes
        return history

    def read(self, spans: Iterable[Span]) -> Records:
        """Return the records of some parts, in the order in which the whole history has them."""
        chosen = list(spans)
        rows: list[Records] = []
        for name, file in self.files.items():
            own = tuple(span for span in chosen if span.shard == name)
            if own:
                rows.append(splitting.read_spans(file, own, self.events.clocks))
        return joined_records(rows)

    def _users_of(self, records: Records, convs: Ints) -> Records:
        """Return the records about the users who can matter in these conversations."""
        known = self.names.convs
        members = [user for conv in convs.tolist() if conv in known for user in known[conv].members]
        # Users who may read, and those who were reported to have entered or exited.
        named = is_any(records["kind"], (Kind.RANGE, Kind.ROOM, Kind.ATTEND, Kind.MEMBERSHIP))
        named |= has_flag(records["flags"], Flag.ROOM_EVENT)
        subjects = np.unique(records["peer"][named])
        connected = self.names.user_of(distinct(ints(records["link"])))
        users = np.unique(
            np.concatenate([np.array(members, dtype=np.int64), ints(subjects), connected])
        )
        starts = np.searchsorted(self.owners, users)
        counts = np.searchsorted(self.owners, users, side="right") - starts
        offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        chosen = self.by_user[np.repeat(starts, counts) + offset]
        return self.users.take(np.sort(chosen))
