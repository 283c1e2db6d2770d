"""scale-out, scale-in and rolling-update, against a scripted cluster."""

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
def table(world, monkeypatch):
    """Processes and ports follow the component's state; waits are over at once."""
    pids = {its.pid: name for name, its in world.control.components().items()}

    def state(pid):
        living = world.control.states[pids[pid]] in ("up", "draining")
        return "running" if living else "gone"

    for module in (_processes, scale_in, scale_out):
        monkeypatch.setattr(module, "process_state", state)
    monkeypatch.setattr(scale_out, "port_state", lambda _: "open")
    for module in (scale_in, rolling_update):
        monkeypatch.setattr(
            module, "poll", lambda check, *_: next((1 for _ in range(9) if check()), None)
        )
    world.control.states["edge-blue-2"] = "planned"


def test_the_first_planned_edge_of_the_environment_in_use_is_started(world, spec, table):
    """Green's edges are planned as well, and none of our business; the new one stays."""
    fault = ScaleOut(spec("scale-out", "edge"))
    assert fault.inject(world.context) == {"components": ["edge-blue-2"]}
    assert fault.prove(world.context) == {
        "edge-blue-2": {"pid": 104, "process": "running", "port": "open"}
    }
    assert fault.heal(world.context) == {}
    assert fault.verify(world.context) == {"edge-blue-2": "up"}
    assert world.control.calls == [("start", "edge-blue-2")]


def test_after_a_cutover_the_other_environment_grows(world, spec, table):
    """Where new connections go is what counts."""
    world.control.statuses = [CutoverStatus("done", "green")]
    assert ScaleOut(spec("scale-out", "edge")).inject(world.context) == {
        "components": ["edge-green-1"]
    }


def test_without_a_spare_there_is_no_scale_out(world, spec, table):
    """A layout without spare edges cannot grow, and says so."""
    world.control.states["edge-blue-2"] = "up"
    fault = ScaleOut(spec("scale-out", "edge"))
    with pytest.raises(FaultFailed, match="no spare"):
        fault.inject(world.context)
    assert (fault.heal(world.context), fault.verify(world.context)) == ({}, {})


def test_an_edge_that_does_not_serve_is_no_scale_out(world, spec, table, monkeypatch):
    """`started` is the cluster's word; the port must be open."""
    monkeypatch.setattr(scale_out, "port_state", lambda _: "refused")
    fault = ScaleOut(spec("scale-out", "edge"))
    fault.inject(world.context)
    with pytest.raises(FaultFailed, match="does not serve"):
        fault.prove(world.context)


def test_an_edge_is_drained_and_gone(world, spec, table):
    """Drained with the time given, awaited, planned again."""
    fault = ScaleIn(spec("scale-in", "edge", drain="3s"))
    assert fault.inject(world.context)["drain_ms"] == 3000
    assert fault.prove(world.context) == {"edge-blue-1": "draining"}
    assert world.control.calls == [("drain 3000", "edge-blue-1")]
    with pytest.raises(RollbackError, match="edge-blue-1 is draining"):
        fault.verify(world.context)
    world.control.states["edge-blue-1"] = "planned"
    fault.heal(world.context)
    assert fault.verify(world.context) == {"edge-blue-1": "planned"}


def test_an_edge_that_stays_up_is_not_drained(world, spec, table):
    """A 202 is no proof."""
    fault = ScaleIn(spec("scale-in", "edge"))
    fault.inject(world.context)
    world.control.states["edge-blue-1"] = "up"
    with pytest.raises(FaultFailed, match="not drained"):
        fault.prove(world.context)


def test_a_refused_drain_leaves_nothing_to_heal(world, spec, table, monkeypatch):
    """The last edge stays, as do all while clients are moved: it is up, and nothing was done."""

    def refuse(*_args, **_kwargs):
        raise RefusedError("409 edge-blue-1 is the last one")

    monkeypatch.setattr(world.control, "drain", refuse)
    fault = ScaleIn(spec("scale-in", "edge"))
    with pytest.raises(RefusedError):
        fault.inject(world.context)
    assert (fault.heal(world.context), fault.verify(world.context)) == ({}, {})


def test_a_drain_that_was_not_answered_is_awaited(world, spec, table, monkeypatch):
    """It may have begun: only a refusal says that nothing was done."""

    def drain(name, **_):
        world.control.states[name] = "draining"
        raise StackError("no answer")

    monkeypatch.setattr(world.control, "drain", drain)
    fault = ScaleIn(spec("scale-in", "edge"))
    with pytest.raises(StackError):
        fault.inject(world.context)
    with pytest.raises(RollbackError, match="edge-blue-1 is draining"):
        fault.verify(world.context)


def test_an_edge_that_kept_its_clients_is_a_failed_fault(world, spec, table):
    """The scale-in did not do its job, and the system is whole."""
    fault = ScaleIn(spec("scale-in", "edge"))
    fault.inject(world.context)
    world.control.states["edge-blue-1"] = "up"
    with pytest.raises(FaultFailed, match="edge-blue-1 kept its clients"):
        fault.heal(world.context)
    assert fault.verify(world.context) == {"edge-blue-1": "up"}


def steps(*pairs):
    """Steps of now."""
    return [RollingStep(name, state, clock.now_ns() + 10**12) for name, state in pairs]


def test_a_rolling_update_is_followed_to_its_end(world, spec, table):
    """Effective with its first step, healed when it is done, everything up."""
    first = steps(("gateway-1", "stopping"))
    both = [*first, *steps(("gateway-1", "up"))]
    old = RollingStatus("done", [RollingStep("broker", "up", 5)])
    running, done = RollingStatus("running", first), RollingStatus("done", both)
    world.control.rolling = [old, running, running, done]
    fault = RollingUpdate(spec("rolling-update", "gateway"))
    assert fault.inject(world.context) == {}
    assert fault.prove(world.context) == {"steps": [["gateway-1", "stopping"]]}
    assert [state for _, state, _ in fault.heal(world.context)["steps"]] == ["stopping", "up"]
    assert fault.verify(world.context) == {"gateway-1": "up"}
    assert world.control.calls == [("rolling",)]


def test_a_rolling_update_without_a_step_is_no_proof(world, spec, table):
    """Begun is not acted."""
    fault = RollingUpdate(spec("rolling-update", "gateway"))
    fault.inject(world.context)
    with pytest.raises(FaultFailed, match="no component"):
        fault.prove(world.context)


def test_a_rolling_update_that_fails_is_a_failed_fault(world, spec, table):
    """Its reason is told; whether all is up again is for `verify`."""
    world.control.rolling = [RollingStatus("failed", steps(("room-1", "stopping")), "room-1 died")]
    fault = RollingUpdate(spec("rolling-update", "gateway"))
    fault.inject(world.context)
    with pytest.raises(FaultFailed, match="room-1 died"):
        fault.heal(world.context)


@pytest.mark.parametrize("kind", [ScaleOut, ScaleIn, RollingUpdate])
def test_heal_without_inject_asks_nobody(world, spec, kind):
    """What was not injected needs no control API to be healed."""
    names = {ScaleOut: "scale-out", ScaleIn: "scale-in", RollingUpdate: "rolling-update"}
    fault = kind(spec(names[kind], "edge"))
    assert (fault.heal(world.context), fault.verify(world.context)) == ({}, {})
    assert world.control.calls == []
