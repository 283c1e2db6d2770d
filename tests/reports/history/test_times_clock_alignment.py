"""Times of workers on other hosts are converted to the clock of the master."""

import numpy as np
import pytest

from gauntlet.reports.history.times.clock_alignment import ClockAlignment

DAYS_NS = 10 * 24 * 3600 * 10**9


def measured(worker, t_ns, lead_ns, error_ns=0):
    """Return the row on a measurement: the master's time, and how far the worker was ahead."""
    known = {"worker": worker, "offset_ns": lead_ns, "error_ns": error_ns}
    return {"writer": "master", "kind": "clock", "t_ns": t_ns, **known}


def test_a_run_in_one_process_has_no_clock_to_align():
    rows = [{"writer": "load-0", "kind": "phase", "phase": "ramp", "t_ns": 5}]
    clocks = ClockAlignment.from_events(rows)
    assert clocks == ClockAlignment({}, 0.0, 0)
    assert clocks.align_events(rows) is rows


def test_workers_whose_clock_differs_are_known_by_their_own_times():
    rows = [
        measured(1, 100, 0, 2_500_000),
        measured(1, 200, 0, 3_500_000),
        measured(2, 200, 7, 1_000_000),
        measured(2, 100, 0),
        measured(3, 100, -60),
    ]
    clocks = ClockAlignment.from_events(rows)
    assert clocks.measured == {2: [(100, 0), (207, 7)], 3: [(40, -60)]}
    assert clocks.error_ms == 3.5
    assert clocks.between_recorders_ns == 0


def test_the_largest_declared_difference_of_recorders_counts():
    rows = [
        {"writer": "load-0", "kind": "reconciliation", "worker": 0, "t_ns": 1, **declared}
        for declared in ({}, {"clock_error_ns": 900}, {"clock_error_ns": 20})
    ]
    assert ClockAlignment.from_events(rows) == ClockAlignment({}, 0.0, 900)


@pytest.mark.parametrize(
    ("lead", "t_ns", "expected"),
    [
        (
            [(1000, 50), (2000, 150)],
            [0, 1000, 1500, 1510, 2000, 3000],
            [50, 50, 100, 101, 150, 150],
        ),
        ([(1000, -50)], [0, 1000, 3000], [-50, -50, -50]),
        # A large lead is known to the nanosecond.
        ([(0, DAYS_NS + 1), (10, DAYS_NS + 11)], [0, 3, 10], [DAYS_NS + at for at in (1, 4, 11)]),
    ],
)
def test_between_two_measurements_a_lead_is_interpolated(lead, t_ns, expected):
    clocks = ClockAlignment({3: lead})
    assert clocks.lead_ns(3, np.array(t_ns)).tolist() == expected
    assert clocks.lead_ns(1, np.array(t_ns)).tolist() == [0] * len(t_ns)


def test_events_of_a_worker_have_the_times_of_the_master():
    clocks = ClockAlignment({1: [(1000, 50), (2000, 150)], 12: [(0, -500)]})
    rows = [
        {"writer": writer, "t_ns": t_ns, "kind": "phase"}
        for writer, t_ns in (
            ("load-1", 1500),
            ("load-0", 1410),
            ("run", 1405),
            ("load-12", 10),
            ("load-1-b", 300),
        )
    ]
    found = [(row["writer"], row["t_ns"]) for row in clocks.align_events(rows)]
    assert found == [
        ("load-1-b", 300),
        ("load-12", 510),
        ("load-1", 1400),
        ("run", 1405),
        ("load-0", 1410),
    ]
    assert rows[0]["t_ns"] == 1500
    assert all(row["kind"] == "phase" for row in clocks.align_events(rows))


def test_the_clocks_of_a_run_that_declares_nothing_do_not_differ():
    row = {"writer": "load-0", "kind": "reconciliation", "worker": 0, "t_ns": 1}
    assert ClockAlignment.from_events([row]).between_recorders_ns == 0
