"""A conversation is cut at positions, and each of its records is in one piece."""

from dataclasses import replace

import numpy as np
import pytest

from gauntlet.core.history import Flag, Kind
from gauntlet.reports.history import records as shards
from gauntlet.reports.history.times.clock_alignment import ClockAlignment
from gauntlet.reports.parts.cuts import Numbers, plan, read_pieces

from .room import CUT, MESSAGES, Room

CLOCKS = ClockAlignment()


@pytest.fixture
def room(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "CHUNK_RECORDS", 64)
    made = Room(tmp_path / "run")
    made.enrich()
    return made


def cuts_of(room):
    room.write()
    return plan(room.file, room.conv, room.records.size, CUT.part)


def pieces_of(room, cuts, first=0, last=None):
    last = cuts.pieces if last is None else last
    return list(read_pieces(room.file, cuts, first, last, CLOCKS))


def test_a_number_belongs_to_the_piece_that_it_or_the_next_one_begins():
    begins = np.array([1 << 32 | 4, 1 << 32 | 9, 5 << 32 | 2, 5 << 32 | 2])
    numbers = Numbers(np.array([1, 5]), begins, 3)
    asked = [(1, 1), (1, 3), (1, 4), (1, 8), (1, 9), (1, 99), (5, 1), (5, 2), (3, 7)]
    authors, of_author = (np.array(column) for column in zip(*asked, strict=True))
    assert numbers.piece_of(authors, of_author).tolist() == [0, 0, 1, 1, 2, 2, 0, 2, 0]


def test_each_record_is_in_one_piece_and_common_ones_are_in_all(room):
    cuts = cuts_of(room)
    assert cuts.pieces == 8
    found = pieces_of(room, cuts)
    own = np.concatenate([index for _, index in found])
    common = np.flatnonzero(np.isin(room.records["kind"], (Kind.HEAD, Kind.PAGE, Kind.RANGE)))
    shard = np.fromfile(room.file, dtype=room.records.dtype)
    assert sorted([*own.tolist(), *common.tolist()]) == list(range(shard.size))
    for rows, index in found:
        assert (np.diff(index) > 0).all()
        assert (rows[: index.size] == shard[index]).all()
        assert (rows["kind"] == Kind.RANGE).sum() == 4


def test_a_piece_has_all_records_of_its_messages(room):
    cuts = cuts_of(room)
    for piece, (rows, _) in enumerate(pieces_of(room, cuts)):
        first = cuts.first_position(piece)
        positions = set(range(first, min(first + cuts.step, MESSAGES + 1)))
        for kind in (Kind.ACK, Kind.AUDIT, Kind.DELIVER):
            assert set(rows["seq"][rows["kind"] == kind].tolist()) == positions
        for kind in (Kind.OP, Kind.ATTEMPT):
            assert (rows["kind"] == kind).sum() == len(positions)


def test_each_piece_ends_with_a_head_and_only_the_last_one_has_pages(room):
    cuts = cuts_of(room)
    found = pieces_of(room, cuts)
    heads = [rows["seq"][rows["kind"] == Kind.HEAD].tolist() for rows, _ in found]
    assert heads == [[min(MESSAGES, 15 * number)] for number in range(1, 9)]
    pages = [int((rows["kind"] == Kind.PAGE).sum()) for rows, _ in found]
    assert pages == [0] * 7 + [MESSAGES // 10]


def test_some_pieces_are_read_from_the_chunks_that_have_them(room):
    cuts = cuts_of(room)
    whole, some = pieces_of(room, cuts), pieces_of(room, cuts, 3, 5)
    for (rows, index), (expected, of_whole) in zip(some, whole[3:5], strict=True):
        assert (rows == expected).all()
        assert (index == of_whole).all()
    assert 0 < len(cuts.chunks_with(3, 5)) < cuts.chunks.shape[0]
    assert pieces_of(room, replace(cuts, chunks=cuts.chunks[:0]), 3, 5)[0][1].size == 0


def test_times_are_those_of_the_clock_of_the_master(room):
    cuts = cuts_of(room)
    clocks = ClockAlignment({0: ((0, 7), (10**15, 7))})
    (piece,) = list(read_pieces(room.file, cuts, 2, 3, clocks))
    (recorded,) = pieces_of(room, cuts, 2, 3)
    assert (piece[0]["t_ns"] + 7).tolist() == recorded[0]["t_ns"].tolist()


@pytest.mark.parametrize(
    ("field", "value"),
    [("kind", kind) for kind in (Kind.GAP, Kind.RECEIVE, Kind.ROOM, Kind.PROBE, Kind.MEMBERSHIP)]
    + [("flags", int(flag)) for flag in (Flag.FOREIGN, Flag.LEFTOVER, Flag.CRC_BAD)]
    + [("sseq", 1 << 31)],
)
def test_a_conversation_with_anything_unusual_is_not_cut(room, field, value):
    room.records[field][room.at(Kind.DELIVER, seq=50)] = value
    assert cuts_of(room) is None


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (Kind.PAGE, "link", 1),
        (Kind.HEAD, "seq", 30),
        (Kind.HEAD, "kind", Kind.RANGE),
        (Kind.RANGE, "kind", Kind.HEAD),
    ],
)
def test_an_audit_that_ends_early_or_a_page_of_a_user_prevents_cuts(room, kind, field, value):
    room.records[field][room.at(kind)] = value
    assert cuts_of(room) is None


@pytest.mark.parametrize(("field", "value"), [("seq", 20), ("sseq", 30)])
def test_the_last_page_must_be_in_the_last_piece(room, field, value):
    room.records[field][room.at(Kind.PAGE, spare=1)] = value
    assert cuts_of(room) is None


def test_a_conversation_without_positions_is_not_cut(room):
    room.records["seq"] = 0
    assert cuts_of(room) is None
