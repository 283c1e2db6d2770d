"""A conversation that is judged in pieces has the same result as one that is judged at once."""

import numpy as np
import pytest

from gauntlet.core.history import Kind
from gauntlet.reports.parts import pieces
from gauntlet.reports.parts.pieces import InseparableError
from gauntlet.reports.verdict.judge import judge

from .room import CUT, MESSAGES, UNCUT, Room


@pytest.fixture
def joined(monkeypatch):
    """Return a list that gets the number of pieces of each conversation that could be joined."""
    found = []
    original = pieces.crossing

    def spy(spans, parts, cuts):
        added = original(spans, parts, cuts)
        found.extend(of_span.pieces for of_span in cuts.values())
        return added

    monkeypatch.setattr(pieces, "crossing", spy)
    return found


@pytest.fixture(params=[False, True], ids=["plain", "rich"])
def room(request, tmp_path):
    made = Room(tmp_path / "run")
    if request.param:
        made.enrich()
    return made


def differing(run):
    """Return the entries of the result that differ between one piece and many."""
    whole, cut = judge(run, UNCUT), judge(run, CUT)
    return [key for key in whole if whole[key] != cut[key]]


def test_a_correct_conversation_has_the_same_result(room, joined):
    run = room.write()
    assert differing(run) == []
    assert [count for count in joined if count > 5]
    assert judge(run, CUT)["verdict"]["status"] == "pass"


def swap(records, one, other, field="t_ns"):
    records[field][[one, other]] = records[field][[other, one]]


def lose_the_first_position_of_the_audit(room):
    room.records = np.delete(room.records, room.at(Kind.AUDIT, seq=20))


def lose_a_delivery(room):
    room.records = np.delete(room.records, room.at(Kind.DELIVER, seq=61, link=1))


def skip_a_push_at_every_position(room):
    """It came from the history: the connection skipped it."""
    for seq in range(2, MESSAGES, 20):
        for at in (seq, seq + 1):
            room.records["flags"][room.at(Kind.DELIVER, seq=at, link=1)] = 2


def receive_late(room):
    """One user receives a message of the beginning after everything else."""
    at = room.at(Kind.DELIVER, seq=5, link=3)
    room.records["t_ns"][at] = room.records["t_ns"][room.records["kind"] == Kind.DELIVER].max() + 1


def attempt_late(room):
    """A message of the beginning is first attempted after later ones were acknowledged."""
    late_ns = int(room.records["t_ns"][room.at(Kind.ACK, seq=90)]) + 1
    own = room.records[room.at(Kind.ACK, seq=30)]
    same = (room.records["peer"] == own["peer"]) & (room.records["sseq"] == own["sseq"])
    live = same & (room.records["kind"] != Kind.AUDIT) & (room.records["kind"] != Kind.OP)
    room.records["t_ns"][live] = late_ns + np.arange(live.sum())


def acknowledge_early(room):
    """A message of the end is acknowledged at once, and shown when it is due."""
    room.records["t_ns"][room.at(Kind.ACK, seq=MESSAGES)] = room.records["t_ns"].min() + 1


def exchange_positions(room):
    """Two messages that are far from each other have each other's position everywhere."""
    one, other = room.records["seq"] == 7, room.records["seq"] == 97
    placed = np.isin(room.records["kind"], (Kind.ACK, Kind.DELIVER, Kind.AUDIT))
    room.records["seq"][placed & one], room.records["seq"][placed & other] = 97, 7


def claim_another_position(room):
    room.records["seq"][room.at(Kind.ACK, seq=44)] = 104


def never_answer(room):
    room.records["kind"][room.at(Kind.ACK, seq=33)] = Kind.UNKNOWN


def read_a_low_head(room):
    at = room.at(Kind.HEAD)
    room.records["seq"][at] = MESSAGES - 50


def start_too_low(room):
    """A connection is told a last position that is older than what was known."""
    t_ns = int(room.records["t_ns"][room.at(Kind.ACK, seq=100)]) + 1
    room.add(Kind.START, t_ns, link=2, ref_ns=t_ns, seq=40)


def receive_the_end_of_each_piece_late(room):
    """One user receives most messages more than a second later than all others."""
    for at in np.flatnonzero((room.records["kind"] == Kind.DELIVER) & (room.records["link"] == 4)):
        if room.records["seq"][at] % 15 > 5:
            room.records["t_ns"][at] += 2_000_000_000


@pytest.mark.parametrize(
    "change",
    [
        receive_the_end_of_each_piece_late,
        lose_the_first_position_of_the_audit,
        lose_a_delivery,
        skip_a_push_at_every_position,
        receive_late,
        attempt_late,
        acknowledge_early,
        exchange_positions,
        claim_another_position,
        never_answer,
        read_a_low_head,
        start_too_low,
    ],
)
def test_what_crosses_a_cut_is_found(change, room, joined):
    change(room)
    run = room.write()
    assert differing(run) == []
    assert [count for count in joined if count > 1] == []


def change_at_random(room, random):
    """Change one to three records: lose one, repeat one, or exchange a value of two."""
    for _ in range(random.integers(1, 4)):
        at, other = random.integers(0, room.records.size, 2).tolist()
        near = min(room.records.size - 1, at + int(random.integers(1, 30)))
        field = str(random.choice(["seq", "sseq", "peer", "link", "t_ns", "kind"]))
        match random.integers(0, 5):
            case 0:
                room.records = np.delete(room.records, at)
            case 1:
                room.records = np.insert(room.records, at, room.records[at])
            case 2:
                swap(room.records, at, other, field)
            case 3:
                swap(room.records, at, near, field)
            case _:
                later = room.records[at : at + 1].copy()
                later["t_ns"] += int(random.integers(-(10**9), 10**9))
                room.records[at : at + 1] = later


@pytest.mark.parametrize("seed", range(12))
def test_random_changes_have_the_same_result(seed, room):
    change_at_random(room, np.random.default_rng(seed))
    run = room.write()
    assert differing(run) == []


def test_pieces_that_must_be_read_together_are_not(room):
    part = type("Piece", (), {"ends": object()})()
    with pytest.raises(InseparableError):
        pieces.check_whole([part])
