"""Event rows become phases, faults, cutovers and reasons to stop."""

import pytest

from gauntlet.core.scenario.model import Duration, Fault
from gauntlet.core.scenario.moments import FixedTime
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.events import Exposure, FaultTimes, GuardStop, collect_events

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
        ("latency", 9.0, None),  # the heal may take a second
        ("latency", 8.5, 1.5),
        ("unheard-of", 1.0, None),  # nothing is known of its end
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
        (["edge-blue-1"], None, 5.0),  # when the heal began is unknown
    ],
)
def test_the_start_of_a_component_at_the_heal_does_not_count_as_overrun(
    started, heal_requested_s, overran_s
):
    planned = Fault(id="f", kind="kill", target="edge", at=FixedTime(0.0), for_=Duration(5.0))
    rows = [
        fault("effective", 2_000_000_000),
        fault("healed", 12_000_000_000, detail={"started": started}),
    ]
    if heal_requested_s is not None:
        rows.append(fault("heal-requested", heal_requested_s * 1_000_000_000))
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
    assert events.at_s(5 + 1_234_567_890) == 1.235
    assert events.at_s(5 + 2_000_000 * 1_000_000_000) == 2_000_000
    assert collect_events([], []).zero_ns == 0


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


@pytest.mark.parametrize(
    ("times", "acted_s"),
    [((2, 5), 3.0), ((2, None), None), ((None, 5), None), ((None, None), None)],
)
def test_a_fault_acted_from_its_effect_to_its_heal(times, acted_s):
    effective_ns, healed_ns = (None if at_s is None else at_s * 10**9 for at_s in times)
    known = FaultTimes("f", "kill", "edge", effective_ns=effective_ns, healed_ns=healed_ns)
    assert known.acted_s == acted_s
    assert known.overran_s is None
    overran = FaultTimes(**vars(known) | {"length_s": 0.5})
    assert overran.overran_s == (None if acted_s is None else acted_s - 0.5)


@pytest.mark.parametrize(
    ("kind", "requested_ns", "healed_ns", "awaits_heal"),
    [
        ("kill", 1, None, True),
        ("kill", 1, 9, False),
        ("kill", None, None, False),
        ("observed", 1, None, False),  # others end it
    ],
)
def test_a_fault_that_was_requested_awaits_its_heal(kind, requested_ns, healed_ns, awaits_heal):
    known = FaultTimes("f", kind, "edge", requested_ns=requested_ns, healed_ns=healed_ns)
    assert known.awaits_heal == awaits_heal


@pytest.mark.parametrize(
    ("exposure", "met_traffic"),
    [
        (None, True),
        (Exposure(3, changed=0, messages=0), False),
        (Exposure(3, changed=1, messages=0), True),
        (Exposure(3, changed=0, messages=1), True),
    ],
)
def test_an_idle_connection_is_no_traffic(exposure, met_traffic):
    assert FaultTimes("f", "kill", "edge", exposure=exposure).met_traffic == met_traffic


@pytest.mark.parametrize(
    ("detail", "acts_on"),
    [
        ({"components": ["edge-1", "edge-2"]}, ("edge-1", "edge-2")),
        ({"links": ["broker"]}, ("broker",)),
        ({"components": ["edge-1"], "links": ["broker"]}, ("edge-1",)),
        ({}, ()),
        (None, ()),
    ],
)
def test_a_fault_acts_on_the_components_or_links_of_its_effect(detail, acts_on):
    (found,) = collect_events([fault("effective", 20, detail=detail)], [PLANNED]).faults
    assert found.acts_on == acts_on
    assert found.unproven == ""


def test_a_fault_that_did_not_act_on_this_machine_has_the_reason():
    detail = {"unproven": {"reason": "no tc"}}
    (found,) = collect_events([fault("effective", 20, detail=detail)], [PLANNED]).faults
    assert found.unproven == "no tc"


@pytest.mark.parametrize(
    ("readings", "moved"),
    [
        ((100, 350), 250),
        ((100, 100), 0),
        ((350, 100), 0),  # a proxy was started again
        ((100, None), None),
        ((None, 100), None),
        ((100,), None),
    ],
)
def test_the_bytes_in_a_fault_are_known_where_the_proxies_were_read_twice(readings, moved):
    steps = zip(("effective", "healed"), readings, strict=False)
    rows = [
        fault(step, at, **({} if reading is None else {"proxied_bytes": reading}))
        for at, (step, reading) in enumerate(steps, 20)
    ]
    (found,) = collect_events(rows, [PLANNED]).faults
    assert found.bytes == moved


@pytest.mark.parametrize(
    ("phases", "expected"), [({"quiesce": 7, "audit": 9}, 7), ({"quiesce": 7}, NEVER), ({}, NEVER)]
)
def test_only_a_run_with_an_audit_has_a_quiesce(phases, expected):
    rows = [
        {"writer": "load-0", "t_ns": t_ns, "kind": "phase", "phase": phase}
        for phase, t_ns in phases.items()
    ]
    assert collect_events(rows, []).quiesce_started_ns == expected


def test_the_first_guard_that_ends_the_load_counts():
    guards = [
        {"writer": "load-0", "t_ns": t_ns, "kind": "guard", "guard": index, "value": 9,
         "message": f"guard {index}"}
        for index, t_ns in ((1, 50), (0, 60))
    ]  # fmt: skip
    assert collect_events([], []).guard is None
    assert collect_events(guards, []).guard == GuardStop(1, 50, 9.0, "guard 1")


def test_a_load_without_any_connection_states_since_when_it_tried():
    row = {"writer": "load-0", "t_ns": 9, "kind": "unreachable", "since_ns": 4, "reason": "refused"}
    assert collect_events([], []).unreachable is None
    unreachable = collect_events([row], []).unreachable
    assert unreachable is not None
    assert (unreachable.since_ns, unreachable.reason) == (4, "refused")


def test_all_addresses_that_were_dialled_directly_are_known_once():
    rows = [
        {"writer": "load-0", "t_ns": at, "kind": "direct", "addresses": addresses}
        for at, addresses in enumerate((["b:2", "a:1"], ["b:2"]))
    ]
    assert collect_events(rows, []).direct == ("a:1", "b:2")


def test_the_part_of_a_lost_worker_does_not_count():
    rows = [
        {"writer": "load-0", "t_ns": 1, "kind": "reconciliation", "worker": worker, "records": {}}
        for worker in (0, 1)
    ]
    lost = {"kind": "worker", "worker": 1, "host": "h", "pid": 7, "step": "lost", "message": "Gone"}
    events = collect_events([*rows, {"writer": "load-master", "t_ns": 9, **lost}], [])
    assert [row["worker"] for row in events.reconciliations] == [0]
    assert events.lost == {1: "Gone"}


def test_times_of_an_imported_history_count_from_its_ramp_and_may_differ():
    rows = [
        {"writer": "load-0", "t_ns": 7 * 10**9, "kind": "phase", "phase": "ramp"},
        {"writer": "load-0", "t_ns": 9 * 10**9, "kind": "reconciliation", "worker": 0,
         "records": {}, "clock_error_ns": 40},
    ]  # fmt: skip
    events = collect_events(rows, [])
    assert events.at_s(9_500_000_000) == 2.5
    assert events.clock_error_ns == 40
