"""cutover, against a scripted cluster."""

from dataclasses import replace

import pytest

from gauntlet.chaos.clients.cluster_control import CutoverStatus, CutoverStep
from gauntlet.chaos.faults import cutover
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.cutover import Cutover
from gauntlet.core import clock
from gauntlet.core.errors import RollbackError, StackError


@pytest.fixture
def script(world, monkeypatch):
    """Let the cluster go through states, one for each look."""
    monkeypatch.setattr(
        cutover, "poll", lambda check, _s, _stop=None: next((1 for _ in range(20) if check()), None)
    )
    begin_ns = clock.now_ns() + 10**12

    def play(*states, environment="green"):
        steps = [CutoverStep(state, begin_ns + index) for index, state in enumerate(states)]
        world.control.statuses = [CutoverStatus("idle", "blue")] + [
            CutoverStatus(state, environment if state == "done" else "blue", steps[: index + 1])
            for index, state in enumerate(states)
        ]

    return play


def states(world):
    """The states that were journalled."""
    return [row["state"] for row in world.rows if row["kind"] == "cutover"]


def test_a_cutover_goes_to_the_other_environment_and_every_step_is_journalled(world, spec, script):
    """Begun with the parameters, effective at the drain, healed when done."""
    script("prepare", "verify", "switch", "drain", "monitor", "close", "retire", "done")
    fault = Cutover(spec("cutover", "edge", drain="3s", canaries=False))
    assert fault.inject(world.context) == {"from": "blue", "to": "green", "drain_ms": 3000}
    assert world.control.calls == [("cutover", "green", 3000, False)]
    assert fault.prove(world.context)["state"] == "drain"
    assert states(world)[-1] == "drain"
    assert fault.heal(world.context)["steps"][-1][0] == "done"
    assert fault.verify(world.context)["environment"] == "green"
    assert states(world) == [
        "prepare", "verify", "switch", "drain", "monitor", "close", "retire", "done",
    ]  # fmt: skip


def test_an_earlier_cutover_s_steps_are_not_ours(world, spec, script):
    """A second cutover in one run is not taken for done because the first one was."""
    script("prepare", "drain", "done")
    old = CutoverStep("done", clock.now_ns())
    world.control.statuses = [
        replace_steps(status, [old, *status.steps]) for status in world.control.statuses
    ]
    fault = Cutover(spec("cutover", "edge"))
    fault.inject(world.context)
    assert states(world) == ["prepare", "drain"]


def replace_steps(status, steps):
    """The status with other steps."""
    return CutoverStatus(status.state, status.environment, steps)


def test_a_failed_verification_is_a_failed_fault_and_a_whole_system(world, spec, script):
    """Rolled back before the drain: not effective, but healed where it began."""
    script("prepare", "verify", "rollback", "rolled-back")
    fault = Cutover(spec("cutover", "edge"))
    fault.inject(world.context)
    with pytest.raises(FaultFailed, match="rolled-back"):
        fault.prove(world.context)
    with pytest.raises(FaultFailed, match="went back"):
        fault.heal(world.context)
    assert fault.verify(world.context)["environment"] == "blue"


def test_a_new_environment_that_is_found_broken_is_as_wanted(world, spec, script):
    """It acts from the verification on; going back before the drain is its proof, and its heal."""
    script("prepare", "verify", "rollback", "rolled-back")
    fault = Cutover(spec("cutover", "edge", broken=True, end="rolled-back"))
    fault.inject(world.context)
    assert states(world) == ["prepare", "verify"]
    assert fault.prove(world.context)["state"] == "rolled-back"
    assert fault.heal(world.context)["steps"][-1][0] == "rolled-back"
    assert fault.verify(world.context)["environment"] == "blue"
    assert ("rollback",) not in world.control.calls


def test_the_way_back_is_asked_for_in_the_drain(world, spec, script):
    """`rollback_after` counts from the drain on, and the end is where it began."""
    script("prepare", "drain", "rollback", "rolled-back")
    fault = Cutover(spec("cutover", "edge", rollback_after="10ms", end="rolled-back"))
    fault.inject(world.context)
    assert ("rollback",) not in world.control.calls
    assert fault.prove(world.context)["state"] == "drain"
    assert world.control.calls[-1] == ("rollback",)
    assert fault.heal(world.context)["steps"][-1][0] == "rolled-back"
    assert fault.verify(world.context)["environment"] == "blue"


def test_a_cutover_that_should_have_gone_back_is_a_failed_fault(world, spec, script):
    """The canaries noticed nothing: that is what the fault is there to show."""
    script("prepare", "drain", "done")
    fault = Cutover(spec("cutover", "edge", broken=True, end="rolled-back"))
    fault.inject(world.context)
    with pytest.raises(FaultFailed, match="went through"):
        fault.heal(world.context)
    assert fault.verify(world.context)["environment"] == "green"


def test_a_failed_cutover_is_not_healed(world, spec, script):
    """`failed` leaves the system in between: nobody may call that whole."""
    script("prepare", "drain", "failed")
    fault = Cutover(spec("cutover", "edge"))
    fault.inject(world.context)
    fault.heal(world.context)
    with pytest.raises(RollbackError, match="failed"):
        fault.verify(world.context)


def test_a_stopped_run_asks_for_the_way_back(world, spec, script, monkeypatch):
    """A stop during the drain rolls back, and is whole where it began."""
    script("drain", "rollback", "rolled-back")
    fault = Cutover(spec("cutover", "edge"))
    fault.inject(world.context)
    world.context.stop.set()
    real_poll = cutover.poll
    monkeypatch.setattr(
        cutover,
        "poll",
        lambda check, s, stop=None: None if stop and stop.is_set() else real_poll(check, s),
    )
    assert fault.heal(world.context)["steps"][-1][0] == "rolled-back"
    assert ("rollback",) in world.control.calls
    assert fault.verify(world.context)["environment"] == "blue"


def test_past_the_point_of_return_a_stopped_run_waits(world, spec, script, monkeypatch):
    """A refused rollback is no error: the cutover ends by itself."""
    script("drain", "close", "done")
    fault = Cutover(spec("cutover", "edge"))
    fault.inject(world.context)
    world.context.stop.set()
    real_poll = cutover.poll
    monkeypatch.setattr(
        cutover,
        "poll",
        lambda check, s, stop=None: None if stop and stop.is_set() else real_poll(check, s),
    )

    def refuse():
        raise StackError("409 too late")

    monkeypatch.setattr(world.control, "roll_back_cutover", refuse)
    assert fault.heal(world.context)["steps"][-1][0] == "done"
    assert fault.verify(world.context)["environment"] == "green"


def test_a_refused_cutover_leaves_nothing_to_heal(world, spec, monkeypatch):
    """Somebody else's cutover is running: ours was never begun, and his is left alone."""

    def refuse(*_args, **_kwargs):
        raise StackError("409 a cutover is running")

    monkeypatch.setattr(world.control, "begin_cutover", refuse)
    steps = [CutoverStep("drain", clock.now_ns())]
    world.control.statuses = [CutoverStatus("drain", "blue", steps)]
    fault = Cutover(spec("cutover", "edge"))
    with pytest.raises(StackError):
        fault.inject(world.context)
    assert fault.heal(world.context) == {}
    assert fault.verify(world.context) == {}
    assert world.rows == []


def test_heal_without_inject_asks_nobody(world, spec):
    """What was not begun needs no control API to be healed."""
    fault = Cutover(spec("cutover", "edge"))
    context = replace(world.context, control=None)
    assert fault.heal(context) == {}
    assert fault.verify(context) == {}
