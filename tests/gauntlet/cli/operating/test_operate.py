"""The commands that act on a running system."""

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
from gauntlet.cli.operating import operate
from gauntlet.core.errors import ConfigError, Exit, StackError


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """Poll without delay, and ignore a system that the environment of the tests names."""
    monkeypatch.setattr(operate, "POLL_S", 0.0)
    monkeypatch.delenv(operate.VARIABLE, raising=False)


def returning(*answers):
    """Return a function that returns these values, one per call."""
    left = iter(answers)
    return lambda: next(left)


def cutover_status(*states, **more):
    """Return a cutover that entered these states one millisecond apart, beginning in a second."""
    began_ns = time.monotonic_ns() + 1_000_000_000
    steps = [
        CutoverStep(
            state, began_ns + number * 1_000_000, {"reason": "why"} if "back" in state else {}
        )
        for number, state in enumerate(states)
    ]
    return CutoverStatus(states[-1], "green", steps, {"blue": 0, "green": 7}, 7, 1, **more)


def test_the_control_file_comes_from_the_option_or_the_environment(tmp_path, monkeypatch):
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
def test_each_state_of_a_cutover_is_printed_once(capsys, end, code):
    first = cutover_status("prepare", "verify")
    last = CutoverStatus(
        end, "green", [*first.steps, *cutover_status("drain", end).steps], {"green": 7}, 7, 1
    )
    control = SimpleNamespace(
        begin_cutover=lambda *_, **__: None, cutover=returning(first, first, last)
    )
    assert operate.cutover(control, "green", drain_ms=1, canaries=True) == code
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines[:-1]] == ["prepare", "verify", "drain", end]
    assert ("why" in lines[-2]) == (end == "rolled-back")
    assert lines[-1] == "connected: green 7  asked to reconnect: 7  closed: 1"


def test_a_completed_rollback_succeeds_and_a_late_one_is_refused():
    control = SimpleNamespace(
        roll_back_cutover=lambda: None, cutover=returning(cutover_status("rollback", "rolled-back"))
    )
    assert operate.roll_back(control) == Exit.OK

    def refuse():
        raise RefusedError("no way back from close")

    with pytest.raises(ConfigError, match="no way back"):
        operate.roll_back(SimpleNamespace(roll_back_cutover=refuse))


def blue_edges(**states):
    """Return edges of the environment blue in these states."""
    return {
        name: Component(name.replace("_", "-"), "edge", state, "blue")
        for name, state in states.items()
    }


def test_scale_out_starts_the_first_spare_edge_or_reports_that_none_is_left():
    started = []
    control = SimpleNamespace(
        cutover=lambda: CutoverStatus("idle", "blue"),
        components=lambda: blue_edges(
            blue_1="up", blue_2="held", blue_3="planned", blue_4="planned"
        ),
        start=started.append,
    )
    assert operate.scale_out(control) == Exit.OK
    assert started == ["blue-3"]
    control.components = lambda: blue_edges(blue_1="up")
    with pytest.raises(ConfigError, match="no spare edge of blue is left"):
        operate.scale_out(control)


@pytest.mark.parametrize(("end", "code"), [("planned", Exit.OK), ("up", Exit.FAILED)])
def test_scale_in_succeeds_only_if_the_edge_ends(end, code):
    control = SimpleNamespace(
        drain=lambda *_, **__: None,
        components=returning(blue_edges(e="draining"), blue_edges(e="draining"), blue_edges(e=end)),
    )
    assert operate.scale_in(control, "e", drain_ms=1) == code


@pytest.mark.parametrize(("end", "code"), [("done", Exit.OK), ("failed", Exit.FAILED)])
def test_each_step_of_a_rolling_update_is_printed_once(capsys, end, code):
    steps = [RollingStep("room-1", "stopping", 1), RollingStep("room-1", "up", 2)]
    control = SimpleNamespace(
        begin_rolling_update=lambda: None,
        rolling_update=returning(
            RollingStatus("running", steps[:1]),
            RollingStatus("running", steps[:1]),
            RollingStatus(end, steps, None if end == "done" else "room-1: it did not start"),
        ),
    )
    assert operate.update(control) == code
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in lines[:2]] == ["stopping", "up"]
    assert lines[2] == f"rolling update: {'done' if end == 'done' else 'room-1: it did not start'}"


def test_the_environment_the_cutover_and_all_components_are_shown(capsys):
    control = SimpleNamespace(
        cutover=lambda: cutover_status("rollback", "rolled-back", error="deaf"),
        components=lambda: blue_edges(blue_1="up"),
    )
    assert operate.show(control) == Exit.OK
    out = capsys.readouterr().out
    assert "new clients connect to green" in out
    assert "rolled-back (deaf)" in out
    assert "blue-1" in out
