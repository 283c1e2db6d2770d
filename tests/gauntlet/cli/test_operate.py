"""Acting on a running system: which one, what is printed, and what it ends with."""

import json
import time
from types import SimpleNamespace

import pytest

from gauntlet.chaos.clients.cluster_control import (
    Component,
    CutoverStatus,
    CutoverStep,
    RefusedError,
    RollingStatus,
    RollingStep,
)
from gauntlet.cli import operate
from gauntlet.core.errors import ConfigError, Exit, StackError


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """No test waits between two looks, and none knows a system of the shell's."""
    monkeypatch.setattr(operate, "POLL_S", 0.0)
    monkeypatch.delenv(operate.VARIABLE, raising=False)


def in_turn(*answers):
    """A call that answers these, one after the other."""
    left = iter(answers)
    return lambda: next(left)


def status(*states, **more):
    """A cutover that has gone through these states, a millisecond each, from now on."""
    began_ns = time.monotonic_ns() + 1_000_000_000
    steps = [
        CutoverStep(
            state, began_ns + number * 1_000_000, {"reason": "why"} if "back" in state else {}
        )
        for number, state in enumerate(states)
    ]
    return CutoverStatus(states[-1], "green", steps, {"blue": 0, "green": 7}, 7, 1, **more)


def test_the_system_is_named_by_file_or_environment(tmp_path, monkeypatch):
    """Nothing is guessed: two systems may run side by side."""
    with pytest.raises(ConfigError, match="--control"):
        operate.connect(None)
    file = tmp_path / "control.json"
    with pytest.raises(ConfigError, match=r"control\.json"):
        operate.connect(file)
    file.write_text(json.dumps({"control": "http://127.0.0.1:1", "token": "t"}))
    monkeypatch.setenv(operate.VARIABLE, str(file))
    for named in (None, file):
        with pytest.raises(StackError, match="no answer"):
            operate.connect(named).components()
    file.write_text('{"control": 1}')
    with pytest.raises(ConfigError, match="Expected"):
        operate.connect(file)


@pytest.mark.parametrize(
    ("end", "code"), [("done", Exit.OK), ("rolled-back", Exit.FAILED), ("failed", Exit.FAILED)]
)
def test_a_cutover_is_followed_state_by_state(capsys, end, code):
    """Each state once, with its reason; the end says how many were told and forced."""
    first = status("prepare", "verify")
    last = CutoverStatus(
        end, "green", [*first.steps, *status("drain", end).steps], {"green": 7}, 7, 1
    )
    control = SimpleNamespace(
        begin_cutover=lambda *_, **__: None, cutover=in_turn(first, first, last)
    )
    assert operate.cutover(control, "green", drain_ms=1, canaries=True) == code
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines[:-1]] == ["prepare", "verify", "drain", end]
    assert ("why" in lines[-2]) == (end == "rolled-back")
    assert lines[-1] == "connected: green 7  told to move: 7  closed: 1"


def test_a_rollback_that_arrives_is_a_success():
    """And one that comes too late is refused: nothing was done."""
    control = SimpleNamespace(
        roll_back_cutover=lambda: None, cutover=in_turn(status("rollback", "rolled-back"))
    )
    assert operate.roll_back(control) == Exit.OK

    def refuse():
        raise RefusedError("no way back from close")

    with pytest.raises(ConfigError, match="no way back"):
        operate.roll_back(SimpleNamespace(roll_back_cutover=refuse))


def edges(**states):
    """Components of blue in these states."""
    return {
        name: Component(name.replace("_", "-"), "edge", state, "blue")
        for name, state in states.items()
    }


def test_scale_out_takes_the_first_spare_edge_in_use():
    """And says so when there is none."""
    started = []
    control = SimpleNamespace(
        cutover=lambda: CutoverStatus("idle", "blue"),
        components=lambda: edges(blue_1="up", blue_2="held", blue_3="planned", blue_4="planned"),
        start=started.append,
    )
    assert operate.scale_out(control) == Exit.OK
    assert started == ["blue-3"]
    control.components = lambda: edges(blue_1="up")
    with pytest.raises(ConfigError, match="no spare edge of blue is left"):
        operate.scale_out(control)


@pytest.mark.parametrize(("end", "code"), [("planned", Exit.OK), ("up", Exit.FAILED)])
def test_scale_in_waits_until_the_edge_has_ended(end, code):
    """An edge that had to keep its clients is no success."""
    control = SimpleNamespace(
        drain=lambda *_, **__: None,
        components=in_turn(edges(e="draining"), edges(e="draining"), edges(e=end)),
    )
    assert operate.scale_in(control, "e", drain_ms=1) == code


@pytest.mark.parametrize(("end", "code"), [("done", Exit.OK), ("failed", Exit.FAILED)])
def test_a_rolling_update_is_followed_step_by_step(capsys, end, code):
    """Each step is printed once."""
    steps = [RollingStep("room-1", "stopping", 1), RollingStep("room-1", "up", 2)]
    control = SimpleNamespace(
        begin_rolling_update=lambda: None,
        rolling_update=in_turn(
            RollingStatus("running", steps[:1]),
            RollingStatus("running", steps[:1]),
            RollingStatus(end, steps, None if end == "done" else "room-1: it did not start"),
        ),
    )
    assert operate.update(control) == code
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines[:2]] == ["stopping", "up"]
    assert lines[2] == f"rolling update: {'done' if end == 'done' else 'room-1: it did not start'}"


def test_the_state_of_a_system_is_shown(capsys):
    """Where new clients go, and each component."""
    control = SimpleNamespace(
        cutover=lambda: status("rollback", "rolled-back", error="deaf"),
        components=lambda: edges(blue_1="up"),
    )
    assert operate.show(control) == Exit.OK
    out = capsys.readouterr().out
    assert "new clients connect to green" in out
    assert "rolled-back (deaf)" in out
    assert "blue-1" in out
