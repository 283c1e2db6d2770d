"""Surveys the shards of a large run: what has to be known of each before it is split.

The files are read only once for this and for the search of damage.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gauntlet.core.errors import HistoryError
from gauntlet.core.history import USER_KINDS, Kind
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.history.arrays import Ints, Records, counted, ints
from gauntlet.reports.history.records import Shard, align, checked_chunks
from gauntlet.reports.history.times.clock_alignment import ClockAlignment
from gauntlet.reports.history.times.order import Descents, descents
from gauntlet.reports.parts.processes import parallel

_ROOM_KINDS = (Kind.ROOM, Kind.ATTEND)


@dataclass(frozen=True)
class Survey:
    """What is known of a shard before it is split; `span_ns` is on the clock of the master.

    `of_users`: all records are about users, and `of_some_users`: some are.

    """

    name: str
    convs: Ints
    counts: Ints
    descents: Descents
    span_ns: tuple[int, int] | None
    has_rooms: bool
    of_users: bool
    of_some_users: bool


class Surveys:
    """The surveys of the shards of a run, by name."""

    def __init__(self, clocks: ClockAlignment) -> None:
        self._clocks = clocks
        self.found: dict[str, Survey] = {}

    def examine(self, run: RunDir, shards: Sequence[Shard]) -> Iterator[Descents | str]:
        """Survey some shards; yield how often the times of each go back, or a clause on damage."""
        surveyed = parallel(_survey_or_damage, shards, run, self._clocks)
        for (_, name, _), found in zip(shards, surveyed, strict=True):
            if isinstance(found, str):
                yield found
            else:
                self.found[name] = found
                yield found.descents


def _survey_or_damage(run: RunDir, clocks: ClockAlignment, shard: Shard) -> Survey | str:
    try:
        return survey(clocks, shard[1], checked_chunks(run, shard))
    except HistoryError as error:
        return str(error)


def survey(clocks: ClockAlignment, name: str, chunks: Iterable[Records]) -> Survey:
    """Return what has to be known of a shard, of which these are all records."""
    convs, counts = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    spans: list[tuple[int, int]] = []
    has_rooms = False
    of_users = size = 0

    def watched() -> Iterator[Records]:
        nonlocal convs, counts, has_rooms, of_users, size
        for chunk in chunks:
            t_ns = align(name, chunk, clocks)["t_ns"]
            spans.append((int(t_ns.min()), int(t_ns.max())))
            convs, counts = _added(convs, counts, ints(chunk["conv"]))
            kinds = np.bincount(chunk["kind"], minlength=max(Kind) + 1)
            has_rooms |= bool(kinds[list(_ROOM_KINDS)].any())
            of_users += int(kinds[list(USER_KINDS)].sum())
            size += chunk.size
            yield chunk

    back = descents(watched())
    span_ns = (min(s for s, _ in spans), max(s for _, s in spans)) if spans else None
    return Survey(name, convs, counts, back, span_ns, has_rooms, 0 < of_users == size, of_users > 0)


def _added(convs: Ints, counts: Ints, conv: Ints) -> tuple[Ints, Ints]:
    """Return sorted conversations with their numbers of records, and those of some records."""
    found, sizes = counted(conv)
    united, at = np.unique(np.concatenate([convs, found]), return_inverse=True)
    return united, ints(np.bincount(at, weights=np.concatenate([counts, sizes])))
