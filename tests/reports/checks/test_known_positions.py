"""What clients knew of a conversation before a time, compared with the definition."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.core.history import DTYPE, Kind, PageFlag, Record
from gauntlet.reports.checks._known_positions import KnownPositions
from gauntlet.reports.history.arrays import NEVER, pair

from ..small_runs import SmallRun

moments = st.tuples(
    st.integers(1, 3), st.integers(0, 20), st.integers(1, 9)
)  # conv, time, position


class Recorded:
    """The part of a history that the positions are made of; no check is required."""

    scenario = SimpleNamespace(checks=SimpleNamespace(required=()))

    def __init__(self, records):
        ordered = sorted(records, key=lambda record: record.t_ns)
        self.records = np.array([tuple(record) for record in ordered], dtype=np.dtype(DTYPE))


def known(records, questions):
    """Return the answers to (conversation, time) questions."""
    conv, t_ns = (np.array(column, dtype=np.int64) for column in zip(*questions, strict=True))
    return KnownPositions(Recorded(records)).before(conv, t_ns).tolist()


@given(st.lists(moments, max_size=30), st.lists(moments, min_size=1, max_size=10))
def test_the_highest_position_learned_before_each_time(learned, asked):
    records = [Record(t_ns, conv=conv, seq=seq, kind=Kind.DELIVER) for conv, t_ns, seq in learned]
    questions = [(conv, t_ns) for conv, t_ns, _ in asked]
    assert known(records, questions) == [
        max((seq for conv, at, seq in learned if conv == own and at < t_ns), default=0)
        for own, t_ns in questions
    ]


def test_the_head_of_a_last_page_is_known_from_when_it_was_received():
    stored = Record(90, conv=1, seq=8, kind=Kind.AUDIT)
    page = Record(50, ref_ns=40, conv=1, sseq=7, kind=Kind.PAGE, spare=PageFlag.LAST)
    assert known([stored, page], [(1, 50), (1, 51)]) == [0, 7]


def test_the_end_of_a_page_that_continues_is_not_the_head():
    stored = Record(90, conv=1, seq=8, kind=Kind.AUDIT)
    assert known([stored, Record(50, conv=1, sseq=7, kind=Kind.PAGE)], [(1, 60)]) == [0]


def test_a_head_beyond_everything_that_was_ever_seen_counts_as_nothing():
    seen = Record(10, conv=1, seq=3, kind=Kind.ACK)
    claim = Record(20, conv=1, sseq=4, kind=Kind.PAGE, spare=PageFlag.LAST)
    assert known([seen, claim], [(1, 30)]) == [3]


def test_what_only_the_audit_read_was_not_known_to_a_client():
    assert known([Record(10, conv=1, seq=3, kind=Kind.AUDIT)], [(1, 30)]) == [0]


def test_only_what_shows_an_entry_makes_its_position_known():
    """The head that the audit reports may be a wrong claim."""
    assert known([Record(10, conv=1, seq=3, kind=Kind.HEAD)], [(1, 30)]) == [0]


@pytest.mark.parametrize(("required", "last"), [("ack-content", 2), ("history-gap", 9)])
def test_a_wrong_position_of_an_acknowledgement_is_not_known_if_its_check_reports_it(
    required, last
):
    run = SmallRun((1, 2), checks={"required": [required]})
    run.send(1, 1, 10)
    run.send(1, 2, 11)
    run.audit(1, 1, 2, head=2)
    (index,) = run.story.at(Kind.ACK, sseq=1)
    run.story.change(index, seq=9)
    positions = KnownPositions(run.history())
    assert positions.last(np.array([1, 2])).tolist() == [last, 0]


@pytest.mark.parametrize(("stated", "known_later"), [(7, 7), (8, 8), (9, 0)])
@pytest.mark.parametrize("kind", [Kind.PAGE, Kind.START])
def test_a_stated_end_counts_if_some_record_reaches_it(kind, stated, known_later):
    """The audit finds position 8 later."""
    stored = Record(90, conv=1, seq=8, kind=Kind.AUDIT)
    seq, sseq = (0, stated) if kind == Kind.PAGE else (stated, 0)
    claim = Record(20, conv=1, seq=seq, sseq=sseq, kind=kind, spare=PageFlag.LAST)
    assert known([stored, claim], [(1, 20), (1, 21)]) == [0, known_later]


def test_a_place_is_known_since_it_was_first_acknowledged_or_received():
    rows = [
        Record(30, conv=1, seq=2, kind=Kind.DELIVER),
        Record(20, conv=1, seq=2, kind=Kind.ACK),
        Record(40, conv=1, seq=3, kind=Kind.RECEIVE),
        Record(10, conv=1, seq=4, kind=Kind.DELIVER),
        Record(15, conv=2, seq=2, kind=Kind.ROOM),
        Record(90, conv=1, seq=5, kind=Kind.AUDIT),
    ]
    places = pair(np.array([1, 1, 1, 1, 2]), np.array([1, 2, 3, 5, 2]))
    found = KnownPositions(Recorded(rows)).since_ns(places)
    assert found.tolist() == [NEVER, 20, 40, NEVER, 15]
