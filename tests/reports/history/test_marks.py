"""Marks become the steps of faults; ids that the scenario does not name become faults of it."""

import pytest

from gauntlet.core.scenario.model import from_builtins
from gauntlet.reports.history.events import collect_events
from gauntlet.reports.history.marks import apply_marks

S = 1_000_000_000
ZERO = 100 * S
PHASES = [("ramp", 0), ("steady", 2), ("quiesce", 30)]
LOAD = [
    {"writer": "load-0", "kind": "phase", "phase": phase, "t_ns": ZERO + at_s * S}
    for phase, at_s in PHASES
]


def scenario(*faults):
    """A scenario with observed faults at 20 s for 5 s."""
    planned = [{"id": fault, "kind": "observed", "at": 20, "for": 5} for fault in faults]
    return from_builtins({"version": 1, "name": "x", "about": "x", "faults": planned})


def mark(fault, step, at_s):
    """One row of `gauntlet mark`."""
    return {
        "writer": "mark", "kind": "mark", "id": fault, "step": step, "t_ns": ZERO + int(at_s * S),
    }  # fmt: skip


def spans(planned, *rows):
    """The faults of the judged scenario by id: their beginnings and ends in seconds."""
    applied, judged = apply_marks([*LOAD, *rows], planned)
    events = collect_events(applied, judged.faults)
    assert [fault.id for fault in judged.faults] == [fault.id for fault in events.faults]
    return {
        fault.id: (events.at_s(fault.effective_ns), events.at_s(fault.healed_ns))
        for fault in events.faults
    }


def test_marked_times_replace_the_planned_ones():
    journal = [
        {"writer": "chaos", "kind": "fault", "id": "cut", "step": step, "t_ns": ZERO + at_s * S,
         "proof": {}, "detail": {}}
        for step, at_s in (("requested", 20), ("effective", 20), ("healed", 25))
    ]  # fmt: skip
    assert spans(scenario("cut"), *journal) == {"cut": (20, 25)}
    marks = mark("cut", "begin", 21.5), mark("cut", "end", 24)
    assert spans(scenario("cut"), *journal, *marks) == {"cut": (21.5, 24)}


def test_an_unknown_id_is_a_further_fault():
    found = spans(scenario("cut"), mark("switch", "begin", 5), mark("switch", "end", 7))
    assert found == {"cut": (None, None), "switch": (5, 7)}


def test_a_fault_that_is_marked_twice_has_two_windows():
    rows = [mark("cut", step, at) for step, at in
            (("begin", 5), ("end", 7), ("begin", 15), ("end", 18))]  # fmt: skip
    assert spans(scenario(), *rows) == {"cut": (5, 7), "cut-2": (15, 18)}


def test_a_fault_without_an_end_lasts_until_the_end_of_the_load_or_its_next_beginning():
    rows = [mark("cut", "begin", 5), mark("cut", "begin", 15)]
    assert spans(scenario(), *rows) == {"cut": (5, 15), "cut-2": (15, 30)}


def test_without_marks_nothing_changes():
    planned = scenario("cut")
    rows, judged = apply_marks(LOAD, planned)
    assert rows is LOAD
    assert judged is planned


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # The first end after a beginning counts, also one at once.
        ([("begin", 5), ("end", 7), ("end", 9)], {"cut": (5, 7)}),
        ([("end", 3), ("begin", 5), ("end", 7)], {"cut": (5, 7)}),
        ([("begin", 5), ("end", 5)], {"cut": (5, 5)}),
        # The next beginning ends it, too.
        (
            [("begin", 5), ("begin", 15), ("begin", 20), ("end", 22)],
            {"cut": (5, 15), "cut-2": (15, 20), "cut-3": (20, 22)},
        ),
    ],
)
def test_each_beginning_has_the_end_that_follows_it(rows, expected):
    assert spans(scenario(), *(mark("cut", *row) for row in rows)) == expected


@pytest.mark.parametrize(
    ("rows", "load", "at_s", "lasts_s"),
    [
        ([("begin", 5.5), ("end", 7.75)], LOAD, 5.5, 2.25),
        ([("begin", 0.5), ("end", 0.75)], LOAD, 0.5, 0.25),
        ([("begin", 5)], LOAD, 5, 25),
        # Before the ramp and after the load, there is no time.
        ([("begin", -2), ("end", 3)], LOAD, 0, 5),
        ([("begin", 33)], LOAD, 33, 0),
        # Without phases, times count from zero, and the end is unknown.
        ([("begin", 5)], [], 105, 0),
    ],
)
def test_a_fault_that_was_not_planned_is_added_with_its_times(rows, load, at_s, lasts_s):
    rows = [mark("cut", *row) for row in rows]
    _, judged = apply_marks([*load, *rows], scenario())
    (added,) = judged.faults
    assert (added.kind, added.at, added.for_) == ("observed", at_s, lasts_s)


def test_the_load_begins_and_ends_with_the_first_of_its_workers():
    other = [
        {"writer": writer, "kind": "phase", "phase": phase, "t_ns": ZERO + at_s * S}
        for writer, phase, at_s in (
            ("run", "ramp", -3),
            ("run", "quiesce", 20),
            ("load-1", "ramp", 1),
            ("load-1", "quiesce", 31),
        )
    ]
    _, judged = apply_marks([*other, *LOAD, mark("cut", "begin", 5)], scenario())
    (added,) = judged.faults
    assert (added.at, added.for_) == (5, 25)
