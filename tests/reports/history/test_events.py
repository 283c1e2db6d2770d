"""Event rows become phases, faults, cutovers and reasons to stop."""

import pytest

from gauntlet.core.scenario.model import Duration, Fault
from gauntlet.core.scenario.moments import FixedTime
from gauntlet.reports.history.events import collect_events

PLANNED = Fault(id="f", kind="kill", target="edge", at=FixedTime(1))


def fault(step, t_ns, **more):
    """Return a row as the fault timeline writes it."""
    row = {"writer": "chaos", "t_ns": t_ns, "kind": "fault", "id": "f", "step": step}
    return {**row, "proof": {}, "detail": {}, **more}


def test_a_fault_has_the_times_of_its_steps_and_the_proof_of_its_effect():
    rows = [
        fault("requested", 10),
        fault("effective", 20, proof={"pid": 1}),
        fault("healed", 30, proof={"edge": "up"}),
    ]
    (found,) = collect_events(rows, [PLANNED]).faults
    assert (found.requested_ns, found.effective_ns, found.healed_ns) == (10, 20, 30)
    assert found.proven
    assert found.proof == {"pid": 1}


def test_an_effective_fault_without_proof_is_not_proven():
    (found,) = collect_events([fault("effective", 20)], [PLANNED]).faults
    assert not found.proven


def test_a_planned_fault_without_rows_has_no_times():
    (found,) = collect_events([], [PLANNED]).faults
    assert found.requested_ns is None
    assert not found.proven


def test_a_failed_fault_has_the_error_of_its_step():
    rows = [fault("failed", 1, detail={"error": "no"}), fault("heal-failed", 2)]
    (found,) = collect_events(rows, [PLANNED]).faults
    assert found.failed == "no"
    assert found.heal_failed == "no reason given"


@pytest.mark.parametrize(
    ("kind", "length_s", "overran_s"),
    [
        ("latency", 1.0, 9.0),
        ("latency", 9.5, None),  # the heal may take a second
        ("latency", 0.0, None),  # it has no length
        ("cutover", 1.0, None),  # it ends by itself
    ],
)
def test_a_fault_that_acted_longer_than_configured_overran(kind, length_s, overran_s):
    planned = Fault(id="f", kind=kind, target="edge", at=FixedTime(0.0), for_=Duration(length_s))
    rows = [fault("effective", 2_000_000_000), fault("healed", 12_000_000_000)]
    (found,) = collect_events(rows, [planned]).faults
    assert (found.acted_s, found.overran_s) == (10.0, overran_s)


@pytest.mark.parametrize(
    ("started", "heal_requested_s", "overran_s"),
    [
        (["edge-blue-1"], 8, None),  # its start took four seconds, which is no part of the fault
        (["edge-blue-1"], 9, 2.0),  # the heal began late
        ([], 8, 5.0),  # nothing was started: the heal itself took four seconds
    ],
)
def test_the_start_of_a_component_at_the_heal_does_not_count_as_overrun(
    started, heal_requested_s, overran_s
):
    planned = Fault(id="f", kind="kill", target="edge", at=FixedTime(0.0), for_=Duration(5.0))
    rows = [
        fault("effective", 2_000_000_000),
        fault("heal-requested", heal_requested_s * 1_000_000_000),
        fault("healed", 12_000_000_000, detail={"started": started}),
    ]
    (found,) = collect_events(rows, [planned]).faults
    assert (found.acted_s, found.overran_s) == (10.0, overran_s)


@pytest.mark.parametrize("end", ["done", "rolled-back"])
def test_a_cutover_is_healed_when_it_ends(end):
    """Its heal step may come much later."""
    rows = [
        fault("effective", 20, proof={"state": "drain"}),
        *(
            {"writer": "chaos", "t_ns": t_ns, "kind": "cutover", "id": "f", "state": state}
            for state, t_ns in (("prepare", 5), ("drain", 18), (end, 40))
        ),
        fault("healed", 90),
    ]
    events = collect_events(rows, [PLANNED])
    assert events.faults[0].healed_ns == 40
    assert events.cutovers[0].entered("drain") == 18
    assert events.cutovers[0].entered("close") is None


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        (
            [{}, {"reason": "edge-2: not running"}, {"command": "RetireEdges"}],
            "edge-2: not running",
        ),
        ([{"reason": "first"}, {"reason": "second"}], "first"),
        ([{}, None], ""),
    ],
)
def test_a_cutover_keeps_the_first_reason_why_it_was_rolled_back(details, reason):
    rows = [
        {"writer": "chaos", "t_ns": at, "kind": "cutover", "id": "f", "state": "rollback",
         "detail": detail}
        for at, detail in enumerate(details, 1)
    ]  # fmt: skip
    (cutover,) = collect_events(rows, []).cutovers
    assert cutover.reason == reason


def test_phases_are_those_of_the_first_load_worker():
    """The command also has phases."""
    rows = [
        {"writer": "run", "t_ns": 1, "kind": "phase", "phase": "ramp"},
        {"writer": "load-0", "t_ns": 5, "kind": "phase", "phase": "ramp"},
        {"writer": "load-1", "t_ns": 9, "kind": "phase", "phase": "ramp"},
    ]
    events = collect_events(rows, [])
    assert events.zero_ns == 5
    assert events.at_s(1_000_000_005) == 1.0
    assert events.at_s(None) is None


def test_interruptions_and_errors_have_their_messages():
    rows = [{"writer": "run", "t_ns": 1, "kind": "interrupted", "message": "Ctrl-C"}]
    assert collect_events(rows, []).interrupted == "Ctrl-C"
    rows = [{"writer": "run", "t_ns": 1, "kind": "error", "message": "the stack ended"}]
    assert collect_events(rows, []).error == "the stack ended"


def test_an_imported_history_states_which_checks_are_not_judged():
    row = {"writer": "load-0", "t_ns": 1, "kind": "reconciliation", "worker": 0, "records": {}}
    assert collect_events([row], []).unjudged == frozenset()
    rows = [{**row, "unjudged": ["exit", "realtime"]}]
    assert collect_events(rows, []).unjudged == {"exit", "realtime"}
