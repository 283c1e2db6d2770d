"""cutover, on a cluster whose statuses are scripted."""

from dataclasses import replace

import msgspec
import pytest

from gauntlet.chaos.clients.cluster_control import CutoverStatus, CutoverStep
from gauntlet.chaos.faults import cutover
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.cutover import Cutover
from gauntlet.core import clock
from gauntlet.core.errors import RollbackError, StackError


@pytest.fixture
def script(stack, monkeypatch):
    """Make the cluster enter a new state each time its status is read."""
    monkeypatch.setattr(
        cutover, "poll", lambda check, _s, _stop=None: next((1 for _ in range(20) if check()), None)
    )
    begin_ns = clock.now_ns() + 10**12

    def play(*states, environment="green"):
        steps = [CutoverStep(state, begin_ns + index) for index, state in enumerate(states)]
        stack.control.statuses = [CutoverStatus("idle", "blue")] + [
            CutoverStatus(state, environment if state == "done" else "blue", steps[: index + 1])
            for index, state in enumerate(states)
        ]

    return play


def journalled_states(stack):
    """The states that were written to the journal."""
    return [row["state"] for row in stack.rows if row["kind"] == "cutover"]


def test_a_cutover_goes_to_the_other_environment_and_every_step_is_journalled(stack, spec, script):
    """It starts with the parameters, is effective at the drain and healed when done."""
    script("prepare", "verify", "switch", "drain", "monitor", "close", "retire", "done")
    fault = Cutover(spec("cutover", "edge", drain="3s", canaries=False))
    assert fault.inject(stack.context) == {"from": "blue", "to": "green", "drain_ms": 3000}
    assert stack.control.calls == [("cutover", "green", 3000, False)]
    assert fault.prove(stack.context)["state"] == "drain"
    assert journalled_states(stack)[-1] == "drain"
    assert fault.heal(stack.context)["steps"][-1][0] == "done"
    assert fault.verify(stack.context)["environment"] == "green"
    assert journalled_states(stack) == [
        "prepare", "verify", "switch", "drain", "monitor", "close", "retire", "done",
    ]  # fmt: skip


def test_the_steps_of_an_earlier_cutover_are_ignored(stack, spec, script):
    """A second cutover must not count as done because the first one is."""
    script("prepare", "drain", "done")
    old = CutoverStep("done", clock.now_ns())
    stack.control.statuses = [
        replace_steps(status, [old, *status.steps]) for status in stack.control.statuses
    ]
    fault = Cutover(spec("cutover", "edge"))
    fault.inject(stack.context)
    assert journalled_states(stack) == ["prepare", "drain"]


def replace_steps(status, steps):
    """Return the status with other steps."""
    return CutoverStatus(status.state, status.environment, steps)


def test_a_rollback_before_the_drain_fails_the_fault_and_is_healed(stack, spec, script):
    """The fault was not effective, but the system is where it started."""
    script("prepare", "verify", "rollback", "rolled-back")
    fault = Cutover(spec("cutover", "edge"))
    fault.inject(stack.context)
    with pytest.raises(FaultFailed, match="rolled-back"):
        fault.prove(stack.context)
    with pytest.raises(FaultFailed, match="rolled back by itself"):
        fault.heal(stack.context)
    assert fault.verify(stack.context)["environment"] == "blue"


def test_a_rollback_of_a_broken_environment_is_the_expected_end(stack, spec, script):
    """The fault acts from the verification on; the rollback is its proof and its heal."""
    script("prepare", "verify", "rollback", "rolled-back")
    fault = Cutover(spec("cutover", "edge", broken=True, end="rolled-back"))
    fault.inject(stack.context)
    assert journalled_states(stack) == ["prepare", "verify"]
    assert fault.prove(stack.context)["state"] == "rolled-back"
    assert fault.heal(stack.context)["steps"][-1][0] == "rolled-back"
    assert fault.verify(stack.context)["environment"] == "blue"
    assert ("rollback",) not in stack.control.calls


def test_rollback_after_requests_a_rollback_during_the_drain(stack, spec, script):
    """It counts from the start of the drain."""
    script("prepare", "drain", "rollback", "rolled-back")
    fault = Cutover(spec("cutover", "edge", rollback_after="10ms", end="rolled-back"))
    fault.inject(stack.context)
    assert ("rollback",) not in stack.control.calls
    assert fault.prove(stack.context)["state"] == "drain"
    assert stack.control.calls[-1] == ("rollback",)
    assert fault.heal(stack.context)["steps"][-1][0] == "rolled-back"
    assert fault.verify(stack.context)["environment"] == "blue"


def test_a_cutover_that_completes_instead_of_rolling_back_is_a_failed_fault(stack, spec, script):
    """The canaries did not notice the broken environment."""
    script("prepare", "drain", "done")
    fault = Cutover(spec("cutover", "edge", broken=True, end="rolled-back"))
    fault.inject(stack.context)
    with pytest.raises(FaultFailed, match="completed instead of rolling back"):
        fault.heal(stack.context)
    assert fault.verify(stack.context)["environment"] == "green"


def test_a_failed_cutover_is_not_healed(stack, spec, script):
    """The state `failed` leaves the system between two environments."""
    script("prepare", "drain", "failed")
    fault = Cutover(spec("cutover", "edge"))
    fault.inject(stack.context)
    fault.heal(stack.context)
    with pytest.raises(RollbackError, match="failed"):
        fault.verify(stack.context)


def test_a_cutover_that_does_not_end_is_a_failed_fault_and_is_rolled_back(stack, spec, script):
    """Later attempts to heal wait for the end of the rollback, but the fault stays failed."""
    script("prepare", "drain")
    fault = Cutover(spec("cutover", "edge", drain="3s"))
    fault.inject(stack.context)
    with pytest.raises(FaultFailed, match=r"did not end within 63 s.*its state was drain"):
        fault.heal(stack.context)
    assert stack.control.calls[-1] == ("rollback",)
    with pytest.raises(RollbackError):
        fault.verify(stack.context)
    assert fault.heal(stack.context)["steps"][-1][0] == "drain"


def test_a_cutover_that_rolled_back_reports_why(stack, spec, script):
    script("prepare", "drain", "rollback", "rolled-back")
    stack.control.statuses = [
        msgspec.structs.replace(status, error="2 of 40 canaries received nothing")
        for status in stack.control.statuses
    ]
    fault = Cutover(spec("cutover", "edge"))
    fault.inject(stack.context)
    with pytest.raises(FaultFailed, match="rolled back by itself: 2 of 40 canaries"):
        fault.heal(stack.context)


def test_a_stopped_run_requests_a_rollback(stack, spec, script, monkeypatch):
    """The system ends where it started."""
    script("drain", "rollback", "rolled-back")
    fault = Cutover(spec("cutover", "edge"))
    fault.inject(stack.context)
    stack.context.stop.set()
    real_poll = cutover.poll
    monkeypatch.setattr(
        cutover,
        "poll",
        lambda check, s, stop=None: None if stop and stop.is_set() else real_poll(check, s),
    )
    assert fault.heal(stack.context)["steps"][-1][0] == "rolled-back"
    assert ("rollback",) in stack.control.calls
    assert fault.verify(stack.context)["environment"] == "blue"


def test_a_stopped_run_waits_for_the_end_if_the_rollback_is_refused(
    stack, spec, script, monkeypatch
):
    """After the listener is closed, the cutover ends by itself."""
    script("drain", "close", "done")
    fault = Cutover(spec("cutover", "edge"))
    fault.inject(stack.context)
    stack.context.stop.set()
    real_poll = cutover.poll
    monkeypatch.setattr(
        cutover,
        "poll",
        lambda check, s, stop=None: None if stop and stop.is_set() else real_poll(check, s),
    )

    def refuse():
        raise StackError("409 too late")

    monkeypatch.setattr(stack.control, "roll_back_cutover", refuse)
    assert fault.heal(stack.context)["steps"][-1][0] == "done"
    assert fault.verify(stack.context)["environment"] == "green"


def test_a_refused_cutover_leaves_nothing_to_heal(stack, spec, monkeypatch):
    """Another cutover is running; it is not touched."""

    def refuse(*_args, **_kwargs):
        raise StackError("409 a cutover is running")

    monkeypatch.setattr(stack.control, "begin_cutover", refuse)
    steps = [CutoverStep("drain", clock.now_ns())]
    stack.control.statuses = [CutoverStatus("drain", "blue", steps)]
    fault = Cutover(spec("cutover", "edge"))
    with pytest.raises(StackError):
        fault.inject(stack.context)
    assert fault.heal(stack.context) == {}
    assert fault.verify(stack.context) == {}
    assert stack.rows == []


def test_heal_without_inject_does_nothing(stack, spec):
    """It needs no control API."""
    fault = Cutover(spec("cutover", "edge"))
    context = replace(stack.context, control=None)
    assert fault.heal(context) == {}
    assert fault.verify(context) == {}
