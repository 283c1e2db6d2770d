"""The errors of several workers, as one list."""

import pytest

from gauntlet.reports.history.errors import collect_errors
from gauntlet.reports.history.times.clock_alignment import ClockAlignment

from ..small_runs import NS

S = 1_000_000_000


def row(writer="load-0", **fields):
    """Return one row `error-count`."""
    usual = {"concerns": "close", "text": "closed with 1006", "pattern": "closed with 1006"}
    return {"writer": writer, "kind": "error-count", "t_ns": 0, "count": 1, **usual, **fields}


def collected(*rows, clocks=None):
    """Return the groups of these rows."""
    return collect_errors(rows, clocks or ClockAlignment())


def test_equal_patterns_of_several_workers_are_added_up():
    (group,) = collected(
        row("load-1", text="no user 12345", pattern="no user #", count=2, first_ns=5, last_ns=9),
        row("load-0", text="no user 67890", pattern="no user #", count=3, first_ns=3, last_ns=7),
    )
    assert (group.count, group.first_ns, group.last_ns) == (5, 3, 9)
    assert group.workers == {0, 1}
    assert group.text == "no user 12345"


def test_the_last_of_several_times_is_the_latest():
    rows = row(first_ns=3, last_ns=7), row("load-1", first_ns=5, last_ns=9)
    (group,) = collected(*rows)
    assert (group.count, group.first_ns, group.last_ns) == (2, 3, 9)


def test_only_workers_count_errors():
    others = row("run"), {"writer": "load-0", "kind": "phase", "phase": "ramp", "t_ns": 0}
    assert collected(*others) == []


def test_the_most_frequent_errors_come_first_and_kinds_stay_apart():
    groups = collected(
        row(count=1, first_ns=1, last_ns=1),
        row(count=4, concerns="http", first_ns=1, last_ns=1),
    )
    assert [group.concerns for group in groups] == ["http", "close"]


def test_times_of_another_clock_are_converted():
    clocks = ClockAlignment({1: [(0, 7 * S), (100 * S, 7 * S)]})
    times = {"first_ns": 10 * S, "last_ns": 12 * S, "seconds": [[10, 2]]}
    (group,) = collected(row("load-1", count=2, **times), clocks=clocks)
    assert (group.first_ns, group.last_ns) == (3 * S, 5 * S)
    assert group.seconds == [(3 * S, 2)]


def test_errors_outside_of_periods_are_counted_by_second():
    times = {"first_ns": 10 * S, "last_ns": 30 * S, "seconds": [[10, 2], [20, 3], [30, 4]]}
    (group,) = collected(row(count=9, **times))
    assert group.outside([]) == 9
    assert group.outside([(19 * S, 22 * S)]) == 6
    assert group.outside([(0, 100 * S)]) == 0


@pytest.mark.parametrize(
    ("period_s", "outside"), [((11, 12), 0), ((11 + NS, 12), 2), ((5, 10), 0), ((5, 10 - NS), 2)]
)
def test_errors_of_a_second_that_touches_a_period_may_be_in_it(period_s, outside):
    (group,) = collected(row(count=2, first_ns=10 * S, last_ns=11 * S, seconds=[[10, 2]]))
    assert group.outside([tuple(round(at * S) for at in period_s)]) == outside


def test_errors_without_a_known_second_are_inside_if_they_may_be():
    (group,) = collected(row(count=5, first_ns=10 * S, last_ns=30 * S, seconds=[[10, 2]]))
    assert group.outside([(20 * S, 22 * S)]) == 2
    assert group.outside([(40 * S, 41 * S)]) == 5


def test_errors_occurred_in_their_seconds_and_others_at_any_time():
    times = {"first_ns": 10 * S, "last_ns": 30 * S, "seconds": [[10, 2], [30, 3]]}
    seconds = [(10 * S, 11 * S), (30 * S, 31 * S)]
    (group,) = collected(row(count=5, **times))
    assert group.periods() == seconds
    (group,) = collected(row(count=6, **times))
    assert group.periods() == [*seconds, (10 * S, 30 * S)]
