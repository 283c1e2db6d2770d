"""Pieces are joined only if nothing that the checks compare crosses a cut."""

from dataclasses import replace

import numpy as np
import pytest

from gauntlet.reports.checks.finding import Finding
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.parts import seams
from gauntlet.reports.parts.seams import Crossing, find_crossing
from gauntlet.reports.verdict.judge import judge

from .room import CUT, MEMBERS, NEW_LINK, Room

AT = 4  # a piece in the middle


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Return the ends of the pieces of a correct room, and its cuts."""
    room = Room(tmp_path_factory.mktemp("room") / "run")
    room.enrich()
    calls = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            seams, "find_crossing", lambda *call: calls.append(call) or find_crossing(*call)
        )
        judge(room.write(), CUT)
    ((ends, cuts),) = calls
    return list(ends), cuts


def with_changed(ends, at=AT, **fields):
    changed = list(ends)
    changed[at] = replace(ends[at], **fields)
    return changed


def with_column(ends, table, name, index, value, at=AT):
    """Return the ends in which one value of a column is another one."""
    rows = getattr(ends[at], table)
    column = getattr(rows, name).copy()
    column[index] = value
    return with_changed(ends, at, **{table: replace(rows, **{name: column})})


def test_the_pieces_of_a_correct_room_are_joined(known):
    ends, cuts = known
    # Every member receives the same two messages around each cut.
    assert find_crossing(ends, cuts) == Crossing(
        delivered=cuts.pieces - 1, answered=cuts.pieces - 1
    )


def test_a_piece_that_is_not_plain_is_not_joined(known):
    ends, cuts = known
    assert find_crossing(with_changed(ends, is_plain=False), cuts) is None


def test_all_records_must_be_in_a_piece(known):
    ends, cuts = known
    assert find_crossing(with_changed(ends, records=ends[AT].records - 1), cuts) is None


@pytest.mark.parametrize("first", ["acked_ns", "shown_ns"])
def test_nothing_may_be_attempted_after_a_later_piece_was_known(known, first):
    ends, cuts = known
    for following in (AT + 1, AT + 2):
        first_ns = getattr(ends[following], first)
        # A piece without anything that is known comes between the two.
        empty = with_changed(ends, AT + 1, acked_ns=NEVER, shown_ns=NEVER, attempted_ns=0)
        pieces = ends if following == AT + 1 else empty
        assert (
            find_crossing(with_changed(pieces, attempted_ns=ends[AT].attempted_ns), cuts)
            is not None
        )
        assert find_crossing(with_changed(pieces, attempted_ns=first_ns + 1), cuts) is None


def test_nobody_may_be_told_a_position_that_was_too_low(known):
    ends, cuts = known
    learned_ns = ends[AT + 1].learned_ns
    assert find_crossing(with_changed(ends, asked_ns=learned_ns), cuts) is not None
    assert find_crossing(with_changed(ends, asked_ns=learned_ns + 1), cuts) is None


def test_the_last_piece_must_be_known_before_the_audit_asks_for_it(known):
    ends, cuts = known
    assert find_crossing(with_changed(ends, -1, learned_ns=cuts.last_read_ns), cuts) is None


def test_the_audit_must_begin_each_piece_with_its_first_position(known):
    ends, cuts = known
    assert find_crossing(with_changed(ends, audited=ends[AT].audited + 1), cuts) is None
    assert find_crossing(with_changed(ends, 0, audited=2), cuts) is not None


def test_a_session_must_have_received_all_of_a_piece_before_the_next_one(known):
    ends, cuts = known
    limit = ends[AT + 1].reading.first_at[1]
    assert find_crossing(with_column(ends, "reading", "last_at", 1, limit), cuts) is None
    assert find_crossing(with_column(ends, "reading", "last_at", 1, limit - 1), cuts) is not None


@pytest.mark.parametrize(("name", "by"), [("lowest", 1), ("highest", -1)])
def test_a_connection_must_push_what_is_on_both_sides_of_a_cut(known, name, by):
    ends, cuts = known
    value = getattr(ends[AT].lanes, name)[0] + by
    assert find_crossing(with_column(ends, "lanes", name, 0, value), cuts) is None


def test_a_connection_must_not_leave_out_a_piece(known):
    ends, cuts = known
    lanes = ends[AT].lanes
    others = lanes.link != 1
    without = replace(
        lanes,
        link=lanes.link[others],
        lowest=lanes.lowest[others],
        highest=lanes.highest[others],
    )
    assert find_crossing(with_changed(ends, lanes=without), cuts) is None


def test_pushes_must_begin_where_the_connection_was_told(known):
    ends, cuts = known
    (begun,) = (at for at, piece in enumerate(ends) if NEW_LINK in piece.lanes.start)
    none = np.empty(0, dtype=np.int64)
    moved = replace(ends[begun].lanes, start=none, stated=none)
    earlier = replace(ends[begun - 1].lanes, start=np.array([NEW_LINK]), stated=np.array([1]))
    changed = with_changed(with_changed(ends, begun, lanes=moved), begun - 1, lanes=earlier)
    assert find_crossing(changed, cuts) is None
    silent = replace(ends[begun].lanes, start=np.append(ends[begun].lanes.start, 999))
    assert find_crossing(with_changed(ends, begun, lanes=silent), cuts) is not None


def test_a_position_must_not_be_stated_at_a_cut(known):
    ends, cuts = known
    (begun,) = (at for at, piece in enumerate(ends) if NEW_LINK in piece.lanes.start)
    for stated, is_joined in ((cuts.step, False), (cuts.step + 1, True), (0, True)):
        lanes = replace(ends[begun].lanes, stated=np.array([stated]))
        assert (
            find_crossing(with_changed(ends, begun, lanes=lanes), cuts) is not None
        ) == is_joined


def test_an_op_answers_what_its_session_received_in_an_earlier_piece(known):
    ends, cuts = known
    (session, *_), (attempt_ns, *_) = ends[AT].early
    first_ns = min(
        int(piece.reading.first_ns[piece.reading.session == session].min(initial=NEVER))
        for piece in ends
    )
    assert attempt_ns > first_ns
    for t_ns, answered in ((first_ns, cuts.pieces - 2), (first_ns + 1, cuts.pieces - 1)):
        attempts = ends[AT].early[1].copy()
        attempts[0] = t_ns
        found = find_crossing(with_changed(ends, early=(ends[AT].early[0], attempts)), cuts)
        assert found is not None
        assert found.answered == answered


def test_receivers_of_different_messages_have_pairs_of_their_own(known):
    ends, cuts = known
    found = find_crossing(with_column(ends, "reading", "first_message", 0, 7 << 32), cuts)
    assert found is not None
    assert found.delivered == cuts.pieces
    assert ends[AT].reading.reader.size == MEMBERS


def test_pairs_are_added_only_to_checks_that_apply():
    findings = {"causal": Finding(3, "messages", ""), "divergent-order": Finding(0, "", "")}
    assert Crossing(delivered=5, answered=2).added_to(findings) == {"causal": 2}
