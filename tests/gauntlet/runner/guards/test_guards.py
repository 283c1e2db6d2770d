"""Which guards are active, and what stops the load."""

import pytest

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.scenario.model import from_builtins
from gauntlet.runner.guards.guards import Guards

LOSS = {"check": "undelivered", "older_than": "2s"}


def guards_of(*guards, recovery_window="5s"):
    plain = {"version": 1, "name": "x", "about": "x", "guards": list(guards)}
    return Guards(from_builtins({**plain, "recovery_window": recovery_window}))


def fault(step, second):
    return {"id": "f", "step": step, "t_ns": second * NS_PER_S}


def first_stop(guards, steps=(), phase="steady", until_s=40):
    """Let a message be missing all the time; return the second in which a guard stops the load."""
    steps = {second: step for step, second in steps}
    for second in range(10, until_s):
        if second in steps:
            guards.on_fault(fault(steps[second], second))
        row = {"t_ns": second * NS_PER_S, "phase": phase, "undelivered_oldest_s": 100.0}
        guards.update(row, 7 * NS_PER_S, 10 * NS_PER_S)
        if guards.stop is not None:
            return second
    return None


def test_a_guard_stops_the_load_and_names_its_value_and_time():
    guards = guards_of({"check": "wire-order"}, LOSS)
    assert first_stop(guards) == 13
    assert guards.stop.place == 1
    assert guards.stop.row() == {
        "guard": 1,
        "value": 3.0,
        "message": "guards[1] (undelivered older than 2 s) stopped the load after 6 s: for 3.0 s "
        "a connected receiver has not presented an acknowledged message",
    }


def test_a_delay_counts_from_the_first_arrival():
    assert first_stop(guards_of({**LOSS, "delay": "6s"})) == 19


@pytest.mark.parametrize(
    ("suspend", "second"), [("never", 13), ("faults", 23), ("recovery", 28), ("auto", 28)]
)
def test_a_guard_is_suspended_as_its_scenario_says(suspend, second):
    steps = [("requested", 12), ("effective", 13), ("healed", 20)]
    assert first_stop(guards_of({**LOSS, "suspend": suspend}), steps) == second


def test_a_fault_that_is_not_healed_suspends_until_the_end():
    assert first_stop(guards_of(LOSS), [("requested", 11), ("heal-failed", 15)]) is None


def test_guards_do_not_disturb_the_end_of_a_run():
    for phase in ("quiesce", "audit", "flushed"):
        assert first_stop(guards_of(LOSS), phase=phase) is None


def test_the_first_guard_that_fires_stays_the_reason():
    guards = guards_of({**LOSS, "older_than": "9s"}, LOSS)
    first_stop(guards)
    stop = guards.stop
    row = {"t_ns": 60 * NS_PER_S, "phase": "steady", "undelivered_oldest_s": 100.0}
    guards.update(row, 7 * NS_PER_S, 10 * NS_PER_S)
    assert guards.stop is stop
    assert stop.place == 1
