"""scale-out, scale-in and rolling-update, on a cluster whose states are scripted."""

import pytest

from gauntlet.chaos.clients.cluster_control import (
    CutoverStatus,
    RefusedError,
    RollingStatus,
    RollingStep,
)
from gauntlet.chaos.faults import _processes, rolling_update, scale_in, scale_out
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.chaos.faults.rolling_update import RollingUpdate
from gauntlet.chaos.faults.scale_in import ScaleIn
from gauntlet.chaos.faults.scale_out import ScaleOut
from gauntlet.core import clock
from gauntlet.core.errors import RollbackError, StackError


@pytest.fixture
def processes(stack, monkeypatch):
    """Processes and ports follow the state of the component; polling does not wait."""
    pids = {component.pid: name for name, component in stack.control.components().items()}

    def state(pid):
        is_running = stack.control.states[pids[pid]] in ("up", "draining")
        return "running" if is_running else "gone"

    for module in (_processes, scale_in, scale_out):
        monkeypatch.setattr(module, "process_state", state)
    monkeypatch.setattr(scale_out, "port_state", lambda _: "open")
    for module in (scale_in, rolling_update):
        monkeypatch.setattr(
            module, "poll", lambda check, *_: next((1 for _ in range(9) if check()), None)
        )
    stack.control.states["edge-blue-2"] = "planned"


def test_the_first_planned_edge_of_the_environment_in_use_is_started(stack, spec, processes):
    """The planned edges of the other environment are not touched; the new edge stays."""
    fault = ScaleOut(spec("scale-out", "edge"))
    assert fault.inject(stack.context) == {"components": ["edge-blue-2"]}
    assert fault.prove(stack.context) == {
        "edge-blue-2": {"pid": 104, "process": "running", "port": "open"}
    }
    assert fault.heal(stack.context) == {}
    assert fault.verify(stack.context) == {"edge-blue-2": "up"}
    assert stack.control.calls == [("start", "edge-blue-2")]


def test_after_a_cutover_an_edge_of_the_other_environment_is_started(stack, spec, processes):
    """The environment that new connections go to counts."""
    stack.control.statuses = [CutoverStatus("done", "green")]
    assert ScaleOut(spec("scale-out", "edge")).inject(stack.context) == {
        "components": ["edge-green-1"]
    }


def test_a_scale_out_without_a_spare_edge_fails(stack, spec, processes):
    """Nothing needs to be healed."""
    stack.control.states["edge-blue-2"] = "up"
    fault = ScaleOut(spec("scale-out", "edge"))
    with pytest.raises(FaultFailed, match="no spare"):
        fault.inject(stack.context)
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})


def test_an_edge_whose_port_is_closed_is_no_proof_of_a_scale_out(
    stack, spec, processes, monkeypatch
):
    """The state that the control API reports is not enough."""
    monkeypatch.setattr(scale_out, "port_state", lambda _: "refused")
    fault = ScaleOut(spec("scale-out", "edge"))
    fault.inject(stack.context)
    with pytest.raises(FaultFailed, match="does not accept connections"):
        fault.prove(stack.context)


def test_a_scale_in_drains_an_edge_until_it_is_planned_again(stack, spec, processes):
    """With the drain time of the scenario."""
    fault = ScaleIn(spec("scale-in", "edge", drain="3s"))
    assert fault.inject(stack.context)["drain_ms"] == 3000
    assert fault.prove(stack.context) == {"edge-blue-1": "draining"}
    assert stack.control.calls == [("drain 3000", "edge-blue-1")]
    with pytest.raises(RollbackError, match="edge-blue-1 is draining"):
        fault.verify(stack.context)
    stack.control.states["edge-blue-1"] = "planned"
    fault.heal(stack.context)
    assert fault.verify(stack.context) == {"edge-blue-1": "planned"}


def test_an_edge_that_stays_up_is_no_proof_of_a_scale_in(stack, spec, processes):
    """That the call was accepted is no proof."""
    fault = ScaleIn(spec("scale-in", "edge"))
    fault.inject(stack.context)
    stack.control.states["edge-blue-1"] = "up"
    with pytest.raises(FaultFailed, match="not being drained"):
        fault.prove(stack.context)


def test_a_refused_drain_leaves_nothing_to_heal(stack, spec, processes, monkeypatch):
    """The edge is up, and nothing was changed."""

    def refuse(*_args, **_kwargs):
        raise RefusedError("409 edge-blue-1 is the last one")

    monkeypatch.setattr(stack.control, "drain", refuse)
    fault = ScaleIn(spec("scale-in", "edge"))
    with pytest.raises(RefusedError):
        fault.inject(stack.context)
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})


def test_a_drain_whose_call_was_not_answered_is_followed(stack, spec, processes, monkeypatch):
    """It may have started: only a refusal means that nothing was done."""

    def drain(name, **_):
        stack.control.states[name] = "draining"
        raise StackError("no answer")

    monkeypatch.setattr(stack.control, "drain", drain)
    fault = ScaleIn(spec("scale-in", "edge"))
    with pytest.raises(StackError):
        fault.inject(stack.context)
    with pytest.raises(RollbackError, match="edge-blue-1 is draining"):
        fault.verify(stack.context)


def test_a_scale_in_fails_if_the_edge_kept_its_clients(stack, spec, processes):
    """The system works as before."""
    fault = ScaleIn(spec("scale-in", "edge"))
    fault.inject(stack.context)
    stack.control.states["edge-blue-1"] = "up"
    with pytest.raises(FaultFailed, match="edge-blue-1 kept its clients"):
        fault.heal(stack.context)
    assert fault.verify(stack.context) == {"edge-blue-1": "up"}


def steps(*pairs):
    """Steps with times after the start of the update."""
    return [RollingStep(name, state, clock.now_ns() + 10**12) for name, state in pairs]


def test_a_rolling_update_is_followed_to_its_end(stack, spec, processes):
    """It is effective at its first step and healed when it is done."""
    first = steps(("gateway-1", "stopping"))
    both = [*first, *steps(("gateway-1", "up"))]
    old = RollingStatus("done", [RollingStep("broker", "up", 5)])
    running, done = RollingStatus("running", first), RollingStatus("done", both)
    stack.control.rolling = [old, running, running, done]
    fault = RollingUpdate(spec("rolling-update", "gateway"))
    assert fault.inject(stack.context) == {}
    assert fault.prove(stack.context) == {"steps": [["gateway-1", "stopping"]]}
    assert [state for _, state, _ in fault.heal(stack.context)["steps"]] == ["stopping", "up"]
    assert fault.verify(stack.context) == {"gateway-1": "up"}
    assert stack.control.calls == [("rolling",)]


def test_a_rolling_update_without_a_step_is_no_proof(stack, spec, processes):
    fault = RollingUpdate(spec("rolling-update", "gateway"))
    fault.inject(stack.context)
    with pytest.raises(FaultFailed, match="no component"):
        fault.prove(stack.context)


def test_a_rolling_update_that_fails_is_a_failed_fault(stack, spec, processes):
    """The reason is reported; `verify` checks whether everything is up again."""
    stack.control.rolling = [RollingStatus("failed", steps(("room-1", "stopping")), "room-1 died")]
    fault = RollingUpdate(spec("rolling-update", "gateway"))
    fault.inject(stack.context)
    with pytest.raises(FaultFailed, match="room-1 died"):
        fault.heal(stack.context)


@pytest.mark.parametrize("kind", [ScaleOut, ScaleIn, RollingUpdate])
def test_heal_without_inject_does_nothing(stack, spec, kind):
    """It does not call the control API."""
    names = {ScaleOut: "scale-out", ScaleIn: "scale-in", RollingUpdate: "rolling-update"}
    fault = kind(spec(names[kind], "edge"))
    assert (fault.heal(stack.context), fault.verify(stack.context)) == ({}, {})
    assert stack.control.calls == []
