"""Which messages belong to which window, by their intended time."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.events import Events, FaultTimes
from gauntlet.reports.metrics.windows import (
    Window,
    baseline,
    before_faults,
    build_windows,
    undisturbed,
)

S = 1_000_000_000
PROVEN = {"requested_ns": 19 * S, "effective_ns": 20 * S, "healed_ns": 30 * S, "proof": {"pid": 1}}


def events(**fault):
    """Return the events of a load from 10 s to 100 s with one fault."""
    known = FaultTimes("f", "kill", "edge", **fault)
    return Events({"ramp": 0, "steady": 10 * S, "quiesce": 100 * S}, (known,), (), (), "", "")


def names_at(second, found):
    """Return the names of the windows that contain this second."""
    at = np.array([int(second * S)], dtype=np.int64)
    return {name for name, window in found.items() if window.contains(at)[0]}


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (9.9, set()),
        (10, {"steady", "run"}),
        (18.9, {"steady", "run"}),
        (19, {"run"}),
        (20, {"run", "fault:f"}),
        (29.9, {"run", "fault:f"}),
        (30, {"run", "recovery:f"}),
        (33.9, {"run", "recovery:f"}),
        (34, {"run", "steady"}),
        (100, {"run"}),
    ],
)
def test_a_message_belongs_to_the_windows_that_contain_its_intended_time(second, expected):
    """Starts are included, ends are not; steady load ends when a fault is requested."""
    assert names_at(second, build_windows(events(**PROVEN), {"f": 34 * S})) == expected


def test_the_window_of_a_fault_that_was_not_healed_has_no_end():
    found = build_windows(events(**{**PROVEN, "healed_ns": None}), {"f": NEVER})
    assert names_at(90, found) == {"run", "fault:f"}


def test_the_windows_of_a_fault_without_proof_are_unknown():
    """An objective must not be met by a fault that had no effect."""
    found = build_windows(events(), {"f": NEVER})
    assert "no proof" in found["fault:f"].unknown
    assert "no proof" in found["recovery:f"].unknown
    assert names_at(25, found) == {"steady", "run"}


def test_the_baseline_excludes_faults_and_their_recovery_windows():
    calm = baseline(events(**PROVEN), 20.0)
    at = np.array([15 * S, 25 * S, 49 * S, 50 * S], dtype=np.int64)
    assert calm.contains(at).tolist() == [True, False, False, True]


def test_the_baseline_excludes_what_was_under_way_when_a_fault_was_requested():
    """The fault may have met it, and a few slow messages make the p99 of some hundred."""
    at = np.array([18.74 * S, 18.76 * S, 19.5 * S], dtype=np.int64)
    assert baseline(events(**PROVEN), 20.0).contains(at).tolist() == [True, False, False]
    without_request = {**PROVEN, "requested_ns": None}
    assert baseline(events(**without_request), 20.0).contains(at).tolist() == [True, True, True]


def test_the_length_of_a_window_excludes_its_overlapping_exclusions():
    found = build_windows(events(**PROVEN), {"f": 34 * S})
    lengths = {name: window.length_s((10 * S, 100 * S)) for name, window in found.items()}
    assert lengths == {"steady": 75.0, "run": 90.0, "fault:f": 10.0, "recovery:f": 4.0}
    window = Window("w", 0, NEVER, excluded=((5 * S, 20 * S), (15 * S, 30 * S), (90 * S, NEVER)))
    assert window.length_s((10 * S, 100 * S)) == 60.0


@given(
    st.tuples(st.integers(0, 30), st.integers(0, 30)),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=4),
)
def test_the_spans_of_a_window_are_what_it_contains(bounds, excluded):
    """In the order of time and apart, even where a fault ends before its request."""
    window = Window("w", *bounds, tuple(excluded))
    moments = np.arange(-2, 33)
    inside = [t_ns for first, last in window.spans() for t_ns in range(first, last)]
    assert inside == moments[window.contains(moments)].tolist()
    assert window.length_s((5, 20)) == sum(5 <= t_ns < 20 for t_ns in inside) / 1e9


def test_many_exclusions_cost_little():
    """With empty spans kept, their number would double with every fault."""
    window = Window("w", 0, 200, tuple((2 * i, 2 * i + 1) for i in range(16)))
    tracemalloc.start()
    try:
        spans = window.spans()
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert spans == [*((2 * i + 1, 2 * i + 2) for i in range(15)), (31, 200)]
    assert peak_bytes < 50_000


@pytest.mark.parametrize(
    ("recover_within", "begins_again"), [(None, 50), (4.0, 34), (0.0, 30), (30.0, 60)]
)
def test_a_fault_is_no_excuse_after_the_time_for_its_recovery(recover_within, begins_again):
    expect = SimpleNamespace(recover_within=recover_within)
    scenario = SimpleNamespace(faults=[SimpleNamespace(id="f", expect=expect)], recovery_window=20)
    found = undisturbed(events(**PROVEN), scenario)
    seconds = [18, 19, begins_again - 0.1, begins_again]
    inside = found.contains(np.array([int(second * S) for second in seconds]))
    assert inside.tolist() == [True, False, False, True]


def test_what_is_before_the_faults_ends_before_the_first_request():
    found = {"before": before_faults(events(**PROVEN))}
    assert [bool(names_at(second, found)) for second in (9, 10, 18.7, 18.8, 25, 99)] == [
        False, True, True, False, False, False,
    ]  # fmt: skip
