"""Splits the shards of a history into parts: ranges of conversations, judged one after the other.

All records of a conversation are in one shard, and nothing that the checks compare crosses
conversations. A *batch* is a range of conversations of one shard that is read at once, and its
parts are ranges of it that are small enough for the caches of a core. Shards are read in chunks,
because a mapped file counts as memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from gauntlet.reports.checks._departures import LastPushes, last_pushes_of
from gauntlet.reports.history.arrays import Bools, Ints, Records, ints, joined_records
from gauntlet.reports.history.records import align, chunks_of
from gauntlet.reports.history.times.clock_alignment import ClockAlignment
from gauntlet.reports.parts.surveying import Survey


@dataclass(frozen=True)
class Sizes:
    """How many records a part, and how many a batch should have at least.

    A conversation with more records than `whole` is cut into pieces, if nothing prevents it.
    """

    part: int = 120_000
    batch: int = 1_200_000
    whole: int = 1_000_000


@dataclass(frozen=True)
class Span:
    """The conversations from `first` to `last` of a shard."""

    shard: str
    first: int
    last: int


@dataclass(frozen=True)
class Batch:
    """Consecutive parts of one shard, and how many records they have.

    They may be pieces of one conversation, from the piece `first_piece` on.
    """

    parts: tuple[Span, ...]
    records: int
    first_piece: int | None = None


def split(found: Survey, sizes: Sizes) -> list[Batch]:
    """Return the batches of a shard; a large conversation is a part of its own."""
    parts: list[tuple[Span, int]] = []
    begin = total = 0
    counts = [*found.counts.tolist(), 0]
    for at, (count, following) in enumerate(pairwise(counts)):
        total += count
        full = total >= sizes.part or max(count, following) > sizes.whole
        if full or at == found.counts.size - 1:
            span = Span(found.name, int(found.convs[begin]), int(found.convs[at]))
            parts.append((span, total))
            begin, total = at + 1, 0
    batches: list[Batch] = []
    waiting: list[Span] = []
    for span, count in parts:
        if count > sizes.whole and waiting:
            batches.append(Batch(tuple(waiting), total))
            waiting, total = [], 0
        waiting.append(span)
        total += count
        if total >= sizes.batch or count > sizes.whole:
            batches.append(Batch(tuple(waiting), total))
            waiting, total = [], 0
    return [*batches, Batch(tuple(waiting), total)] if waiting else batches


def read_spans(file: Path, spans: tuple[Span, ...], clocks: ClockAlignment) -> Records:
    """Return the records of some conversations of a shard in the order of their times."""
    chosen: list[Records] = []
    for chunk in chunks_of(file):
        inside = _inside(ints(chunk["conv"]), spans)
        chosen.append(chunk if inside.all() else chunk.take(np.flatnonzero(inside)))
    return align(file.name, joined_records(chosen), clocks)


def read_parts(file: Path, spans: tuple[Span, ...], clocks: ClockAlignment) -> Iterator[Records]:
    """Yield the records of each of some consecutive spans of a shard, in the order of their times.

    Each chunk is split while it is in the cache.
    """
    firsts = np.array([span.first for span in spans], dtype=np.int64)
    whole = (Span(file.name, spans[0].first, spans[-1].last),)
    pieces: list[list[Records]] = [[] for _ in spans]
    for chunk in chunks_of(file):
        conv = ints(chunk["conv"])
        inside = np.flatnonzero(_inside(conv, whole))
        part = np.searchsorted(firsts, conv.take(inside), side="right") - 1
        # 16 bits, because NumPy sorts these by their digits.
        order = np.argsort(part.astype(np.uint16), kind="stable")
        rows = align(file.name, chunk.take(inside.take(order)), clocks)
        ends = np.cumsum(np.bincount(part, minlength=len(spans))).tolist()
        for own, begin, end in zip(pieces, [0, *ends[:-1]], ends, strict=True):
            own.append(rows[begin:end])
    for own in pieces:
        yield joined_records(own)
        own.clear()


def last_pushes(clocks: ClockAlignment, file: Path) -> LastPushes:
    """Return the last push of each connection in a shard."""
    return merge_last_pushes(
        last_pushes_of(align(file.name, chunk, clocks)) for chunk in chunks_of(file)
    )


def merge_last_pushes(found: Iterator[LastPushes]) -> LastPushes:
    """Return the last push of each connection in several sets of records."""
    known = list(found)
    links = np.concatenate([np.empty(0, dtype=np.int64), *(pushes.link for pushes in known)])
    times = np.concatenate([np.empty(0, dtype=np.int64), *(pushes.t_ns for pushes in known)])
    distinct, at = np.unique(links, return_inverse=True)
    last_ns = np.zeros(distinct.size, dtype=np.int64)
    np.maximum.at(last_ns, at, times)
    return LastPushes(distinct, last_ns)


def _inside(conv: Ints, spans: tuple[Span, ...]) -> Bools:
    """Return which conversations are in any of the spans, which are sorted."""
    if len(spans) == 1:
        return (conv >= spans[0].first) & (conv <= spans[0].last)
    firsts = np.array([span.first for span in spans], dtype=np.int64)
    lasts = np.array([span.last for span in spans], dtype=np.int64)
    at = np.searchsorted(firsts, conv, side="right") - 1
    return (at >= 0) & (conv <= lasts[at])
