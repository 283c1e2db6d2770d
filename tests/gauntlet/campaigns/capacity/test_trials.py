"""Trials as child processes, and what is made of those that leave no result."""

import time
from types import SimpleNamespace

import pytest

from gauntlet.campaigns import child_runs
from gauntlet.campaigns.capacity.trials import Runner, TrialRequest
from gauntlet.campaigns.child_runs import Child
from gauntlet.core.errors import Interrupted

from .example import scenario
from .run_directories import make, result

REQUEST = TrialRequest("rate_per_s", "steady", 120.0, scenario())


@pytest.fixture
def child(monkeypatch):
    """Replace the child processes by one that ends with a code and leaves a result, or none."""
    ended = SimpleNamespace(code=0, result=result(), planned=None, late=False, interrupt=False)

    def run_all(queue, out, _jobs, finish, timeout_s, stopped):
        (ended.planned,), ended.timeout_s = queue, timeout_s
        folder = out / ended.planned.name
        if ended.result is not None:
            make(folder / "run", ended.result)
        process = SimpleNamespace(returncode=ended.code)
        child = Child(None, process, folder, time.monotonic(), ended.late)
        if ended.interrupt:
            stopped(child)
            raise Interrupted("Ctrl-C")
        finish(child)

    monkeypatch.setattr(child_runs, "run_all", run_all)
    return ended


def test_a_trial_has_its_outcome_its_figures_and_the_hash_of_its_run(child, tmp_path):
    found = Runner(tmp_path, ("--bug", "slow_commits")).run(REQUEST)
    assert (found.outcome, found.level, found.exit_code) == ("held", 120.0, 0)
    assert found.measured["message"] == 50
    assert found.tiers == {"edge-1": "edge", "message-1": "message"}
    assert found.run.directory == str(tmp_path / "steady-120" / "run")
    assert child.planned.options == ("--bug", "slow_commits")
    assert child.timeout_s > 10


@pytest.mark.parametrize(("code", "expected"), [(-9, 3), (0, 3), (3, 3), (4, 4), (6, 6)])
def test_a_run_without_a_result_proves_nothing(child, tmp_path, code, expected):
    child.code, child.result = code, None
    found = Runner(tmp_path).run(REQUEST)
    assert (found.outcome, found.run, found.exit_code) == ("refused", None, expected)
    assert f"(exit {expected if code != 0 else 0})" in found.reason or code < 0
    assert "output.txt" in found.reason


def test_the_error_of_a_run_is_the_reason(child, tmp_path):
    child.code, child.result = 4, None
    folder = tmp_path / "steady-120"
    folder.mkdir()
    (folder / "output.txt").write_text("gauntlet: --workers must be 1\nsee `gauntlet --help`\n")
    found = Runner(tmp_path).run(REQUEST)
    assert found.reason == "The run has no result (exit 4): --workers must be 1"


def test_a_run_that_ended_unlike_its_result_proves_nothing(child, tmp_path):
    child.code = 6
    found = Runner(tmp_path).run(REQUEST)
    assert (found.outcome, found.exit_code) == ("refused", 6)


def test_a_run_that_does_not_end_proves_nothing(child, tmp_path):
    child.late = True
    assert Runner(tmp_path).run(REQUEST).outcome == "refused"


def test_a_damaged_result_proves_nothing(child, tmp_path):
    child.result = {**result(), "windows": [3]}
    found = Runner(tmp_path).run(REQUEST)
    assert found.outcome == "refused"
    assert "form" in found.reason


def test_an_interrupt_is_raised(child, tmp_path):
    child.interrupt, child.code = True, 2
    with pytest.raises(Interrupted):
        Runner(tmp_path).run(REQUEST)


def test_an_interrupted_run_that_could_not_heal_its_fault_is_kept(child, tmp_path):
    child.interrupt, child.code = True, 6
    assert Runner(tmp_path).run(REQUEST).exit_code == 6


def test_exported_metrics_are_sampled_while_the_run_lasts(child, tmp_path):
    calls = []
    sampler = SimpleNamespace(
        start=lambda: calls.append("start"),
        stop=lambda run: calls.append(run.path.name),
        tiers={"edge-1": "websocket"},
    )
    found = Runner(tmp_path, (), sampler).run(REQUEST)
    assert calls == ["start", "run"]
    assert found.tiers["edge-1"] == "websocket"


def test_the_name_of_a_trial_says_what_it_is():
    assert REQUEST.name == "steady 120/s"
    assert REQUEST._replace(what="connections", during="n-1").name == "n-1 120 connections"
    assert REQUEST._replace(step="rooms").name == "rooms 120/s"
