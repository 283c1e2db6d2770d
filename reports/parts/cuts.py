"""Cuts one large conversation at positions, into pieces that are judged like parts.

All messages between two positions are in one piece, with everything that is recorded of them. What
has no position, such as an attempt, belongs to the piece of its author's next message that has one.
What concerns the whole conversation is in every piece; the head that the audit read is replaced
with the last position of the piece.

Checks compare messages of one conversation with each other, so a cut is valid only if none of these
comparisons crosses it. Here only conversations are cut in which nothing unusual is recorded: no
repeated, foreign or damaged messages, no reads of the history by users, and no changes of members.
`seams` then decides by times and positions, from what the pieces contain.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from gauntlet.core.history import STRANGER_SSEQ, Flag, Kind, PageFlag
from gauntlet.reports.history import records as shards
from gauntlet.reports.history.arrays import (
    Bools,
    ColumnarRecords,
    Ints,
    Records,
    equal,
    find,
    grouped,
    ints,
    is_any,
    joined_records,
    pair,
)
from gauntlet.reports.history.records import align, chunks_of, count_chunks
from gauntlet.reports.history.times.clock_alignment import ClockAlignment
from gauntlet.reports.parts.processes import cores, parallel

_OF_MESSAGES = (
    Kind.OP,
    Kind.ATTEMPT,
    Kind.ACK,
    Kind.REJECT,
    Kind.UNKNOWN,
    Kind.DELIVER,
    Kind.ARRIVED,
    Kind.AUDIT,
    Kind.NAMED,
    Kind.STAMP,
    Kind.MISSED,
)
_PLACED = (Kind.ACK, Kind.AUDIT)
_COMMON = (Kind.HEAD, Kind.RANGE, Kind.PAGE)
_ORDINARY = (*_OF_MESSAGES, *_COMMON, Kind.START)
_UNUSUAL_FLAGS = Flag.CRC_BAD | Flag.DUPLICATE | Flag.ROOM_EVENT | Flag.FOREIGN | Flag.LEFTOVER
_COMMON_MAX = 100_000
_NO_NUMBER = 0xFFFFFFFF


@dataclass(frozen=True)
class Numbers:
    """Which numbers of each author's messages begin a piece, and which piece has each number.

    `begins` has one sorted key (author, number) for each author and each piece but the first.
    """

    authors: Ints
    begins: Ints
    pieces: int

    def piece_of(self, author: Ints, number: Ints) -> Ints:
        """Return the piece of each message; the first one for those of unknown authors."""
        at = find(self.authors, author)
        passed = np.searchsorted(self.begins, pair(author, number), side="right")
        return np.where(at < 0, 0, passed - at * (self.pieces - 1))


@dataclass(frozen=True)
class Cuts:
    """How a conversation is cut: each piece has `step` positions, and the last one the rest.

    `chunks` has the first and the last piece of which each chunk of the shard contains something:
    from the load, and from the audit. `records` is how many records the conversation has.
    """

    shard: str
    conv: int
    step: int
    pieces: int
    records: int
    numbers: Numbers
    common: Records
    chunks: Ints

    @property
    def last_read_ns(self) -> int | None:
        """When the audit requested the end of the conversation, None if it did not."""
        pages = self.common[equal(self.common["kind"], Kind.PAGE)]
        ends = pages[pages["spare"] & PageFlag.LAST != 0]
        return int(ends["ref_ns"].min()) if ends.size else None

    def first_position(self, piece: Ints) -> Ints:
        """Return the first position of each piece."""
        return piece * self.step + 1

    def with_common(self, piece: int) -> Records:
        """Return what a piece has of the records that concern the whole conversation."""
        rows = joined_records([self.common])
        if piece == self.pieces - 1:
            return rows
        heads = equal(rows["kind"], Kind.HEAD)
        rows["seq"][heads] = np.minimum(rows["seq"][heads], (piece + 1) * self.step)
        kept: Records = rows[~equal(rows["kind"], Kind.PAGE)]
        return kept

    def chunks_with(self, first: int, last: int) -> list[int]:
        """Return the chunks that contain something of the pieces `first` to `last` - 1."""
        load = (self.chunks[:, 0] < last) & (self.chunks[:, 1] >= first)
        audit = (self.chunks[:, 2] < last) & (self.chunks[:, 3] >= first)
        return np.flatnonzero(load | audit).tolist()


def plan(file: Path, conv: int, records: int, size: int) -> Cuts | None:
    """Return how to cut a conversation into pieces of about `size` records, None if it cannot be.

    `records` is how many records it has.
    """
    last = _last_position(file, conv)
    step = -(-last // max(1, records // size))
    pieces = -(-last // step) if step else 0
    if pieces < 2:
        return None
    runs = list(_runs(count_chunks(file)))
    keys, numbers = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    for found in parallel(_first_numbers, runs, file, conv, step, pieces):
        if found is None:
            return None
        keys, numbers = _least(*map(np.concatenate, zip((keys, numbers), found, strict=True)))
    begins = _begins(keys, numbers, pieces)
    located = list(parallel(_locate, runs, file, conv, step, begins))
    common = joined_records(rows for rows, _ in located)
    cuts = Cuts(
        shard=file.name,
        conv=conv,
        step=step,
        pieces=pieces,
        records=records,
        numbers=begins,
        common=common,
        chunks=np.concatenate([chunks for _, chunks in located]),
    )
    return cuts if _ends_in_the_last_piece(cuts) else None


def read_pieces(
    file: Path, cuts: Cuts, first: int, last: int, clocks: ClockAlignment
) -> Iterator[tuple[Records, Ints]]:
    """Yield the records of the pieces `first` to `last` - 1, and the indices in the shard.

    They are in the order of their times; the records without an index, at the end, are common.
    """
    rows: list[list[Records]] = [[] for _ in range(first, last)]
    places: list[list[Ints]] = [[np.empty(0, dtype=np.int64)] for _ in range(first, last)]
    numbers = cuts.chunks_with(first, last)
    for number, chunk in zip(numbers, chunks_of(file, only=numbers), strict=True):
        piece = _pieces_of(chunk.view(ColumnarRecords), cuts.conv, cuts.step, cuts.numbers)
        inside = np.flatnonzero((piece >= first) & (piece < last))
        own = piece.take(inside) - first
        # 16 bits, because NumPy sorts these by their digits.
        chosen = inside.take(np.argsort(own.astype(np.uint16), kind="stable"))
        found = align(file.name, chunk.take(chosen), clocks)
        ends = np.cumsum(np.bincount(own, minlength=last - first)).tolist()
        for at, (begin, end) in enumerate(pairwise([0, *ends])):
            rows[at].append(found[begin:end])
            places[at].append(chosen[begin:end] + number * shards.CHUNK_RECORDS)
    for at, piece_rows in enumerate(rows):
        common = align(file.name, cuts.with_common(first + at), clocks)
        yield joined_records([*piece_rows, common]), np.concatenate(places[at])
        piece_rows.clear()
        places[at].clear()


def _last_position(file: Path, conv: int) -> int:
    """Return the highest position in the last chunk that has any of the conversation."""
    for number in reversed(range(count_chunks(file))):
        (chunk,) = chunks_of(file, only=[number])
        placed = equal(chunk["conv"], conv) & is_any(chunk["kind"], (*_PLACED, Kind.DELIVER))
        if placed.any() and (last := int(chunk["seq"][placed].max())):
            return last
    return 0


def _runs(chunks: int) -> Iterator[range]:
    """Yield ranges of chunks, one for each core."""
    edges = np.linspace(0, chunks, min(cores(), max(1, chunks)) + 1).astype(int).tolist()
    for begin, end in pairwise(edges):
        yield range(begin, end)


def _first_numbers(
    file: Path, conv: int, step: int, pieces: int, run: Sequence[int]
) -> tuple[Ints, Ints] | None:
    """Return the keys (author, piece) of some chunks and the least number of each.

    None if the conversation has anything that is not ordinary.
    """
    keys, numbers = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    for chunk in chunks_of(file, only=run):
        own = equal(chunk["conv"], conv)
        found = chunk if own.all() else chunk.take(np.flatnonzero(own))
        rows = found.view(ColumnarRecords)
        if not _are_ordinary(rows):
            return None
        placed = np.flatnonzero(is_any(rows["kind"], _PLACED) & (rows["seq"] > 0))
        piece = np.minimum((ints(rows["seq"].take(placed)) - 1) // step, pieces - 1)
        keys, numbers = _least(
            np.concatenate([keys, pair(rows["peer"].take(placed), piece)]),
            np.concatenate([numbers, ints(rows["sseq"].take(placed))]),
        )
    return keys, numbers


def _are_ordinary(rows: Records) -> bool:
    """Return whether nothing is recorded that a check compares with more than its piece."""
    if not is_any(rows["kind"], _ORDINARY).all() or (rows["flags"] & int(_UNUSUAL_FLAGS)).any():
        return False
    by_users = equal(rows["kind"], Kind.PAGE) & (rows["link"] > 0)
    of_messages = is_any(rows["kind"], _OF_MESSAGES)
    return not (by_users.any() or (rows["sseq"][of_messages] >= STRANGER_SSEQ).any())


def _least(keys: Ints, numbers: Ints) -> tuple[Ints, Ints]:
    """Return the distinct keys and the least number of each."""
    groups = grouped(keys)
    least = np.full(groups.keys.size, _NO_NUMBER, dtype=np.int64)
    np.minimum.at(least, groups.of_row, numbers)
    return groups.keys, least


def _begins(keys: Ints, numbers: Ints, pieces: int) -> Numbers:
    """Return where the pieces begin, from the least number of each (author, piece)."""
    authors, _, author = grouped(keys >> 32)
    least = np.full((authors.size, pieces), _NO_NUMBER, dtype=np.int64)
    least[author, keys & 0xFFFFFFFF] = numbers
    # An author who wrote nothing in a piece goes on in a later one.
    begins = np.minimum.accumulate(least[:, ::-1], axis=1)[:, ::-1]
    keys = pair(np.repeat(authors, pieces - 1), begins[:, 1:].ravel())
    return Numbers(authors, keys, pieces)


def _pieces_of(rows: Records, conv: int, step: int, numbers: Numbers) -> Ints:
    """Return the piece of each record, -1 for what is common or of another conversation."""
    # Pushes begin behind the position that a START states.
    place = ints(rows["seq"]) + equal(rows["kind"], Kind.START)
    piece = np.minimum((place - 1) // step, numbers.pieces - 1)
    without = np.flatnonzero(place == 0)
    piece[without] = numbers.piece_of(
        ints(rows["peer"].take(without)), ints(rows["sseq"].take(without))
    )
    piece[is_any(rows["kind"], _COMMON) | (rows["conv"] != conv)] = -1
    return piece


def _locate(
    file: Path, conv: int, step: int, numbers: Numbers, run: Sequence[int]
) -> tuple[Records, Ints]:
    """Return what is common in some chunks, and which pieces each of these has; see `Cuts`."""
    common: list[Records] = []
    chunks = np.empty((len(run), 4), dtype=np.int64)
    for at, chunk in enumerate(chunks_of(file, only=run)):
        rows = chunk.view(ColumnarRecords)
        piece = _pieces_of(rows, conv, step, numbers)
        audit = equal(rows["kind"], Kind.AUDIT)
        chunks[at] = *_extent(piece, ~audit), *_extent(piece, audit)
        common.append(chunk[(rows["conv"] == conv) & (piece < 0)])
    return joined_records(common), chunks


def _extent(piece: Ints, chosen: Bools) -> tuple[int, int]:
    """Return the first and the last of some pieces; none is between them if there are none."""
    found = piece[chosen & (piece >= 0)]
    return (int(found.min()), int(found.max())) if found.size else (_NO_NUMBER, -1)


def _ends_in_the_last_piece(cuts: Cuts) -> bool:
    """Return whether there was an audit, and what it said of the end concerns the last piece."""
    begin = (cuts.pieces - 1) * cuts.step + 1
    common = cuts.common
    heads = common[equal(common["kind"], Kind.HEAD)]
    pages = common[equal(common["kind"], Kind.PAGE)]
    ends = pages[pages["spare"] & PageFlag.LAST != 0]
    return bool(
        common.size <= _COMMON_MAX
        and heads.size == 1
        and (heads["seq"] >= begin).all()
        and (ends["sseq"] >= begin).all()
        and (ends["seq"] >= begin - 1).all()
    )
