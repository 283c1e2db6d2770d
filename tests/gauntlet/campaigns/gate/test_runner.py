"""Runs of a gate as child processes, and what is made of those that leave no result."""

import time
from types import SimpleNamespace

import pytest

from gauntlet.campaigns import child_runs
from gauntlet.campaigns.child_runs import Child
from gauntlet.campaigns.gate.outcome import RunStopped
from gauntlet.campaigns.gate.runner import Runner
from gauntlet.campaigns.gate.subjects import Subject
from gauntlet.core.errors import Exit, Interrupted
from gauntlet.core.run_directory import RunDir, write_json
from gauntlet.scenarios import library

from .test_reading import RESULT

STEADY = library.find("steady")


@pytest.fixture
def child(monkeypatch, tmp_path):
    """Replace the child processes by one that ends with a code and leaves a result, or none."""
    ended = SimpleNamespace(
        code=0, result=RESULT, planned=None, timeout_s=0.0, late=False, interrupt=False
    )

    def run_all(queue, out, _jobs, finish, timeout_s, stopped):
        (ended.planned,), ended.timeout_s = queue, timeout_s
        folder = out / ended.planned.name
        folder.mkdir(parents=True)
        if ended.result is not None:
            run = RunDir.make(folder / "run")
            write_json(run.manifest, {"schema_version": 1, "scenario": {"load": {}}})
            write_json(run.result, ended.result)
        process = SimpleNamespace(returncode=ended.code)
        child = Child(None, process, folder, time.monotonic() - 300, ended.late)
        if ended.interrupt:
            stopped(child)
            raise Interrupted("Ctrl-C")
        finish(child)

    monkeypatch.setattr(child_runs, "run_all", run_all)
    return ended


def made(tmp_path, version="candidate", bug=""):
    runner = Runner(tmp_path, {"version": "2.3"}, ("--allow-exec",))
    return runner.run(Subject(STEADY, bug), version, 7)


def test_a_reference_of_another_installation_boots_the_server_of_its_python(child, tmp_path):
    runner = Runner(tmp_path, {})
    runner.run(Subject(STEADY, python="/old/bin/python"), "reference", 1)
    assert child.planned.options == ("--server-python", "/old/bin/python")
    runner.run(Subject(STEADY), "candidate", 1)
    assert child.planned.options == ()


def test_a_run_has_its_verdict_its_cases_and_its_figures(child, tmp_path):
    found = made(tmp_path)
    assert (found.status, found.exit_code, found.number) == ("pass", 0, 7)
    assert found.cases[0].name == "lost-acked"
    assert found.values["ack_p50_ms@steady"] == 2.0
    assert found.path == str(tmp_path / "steady-candidate-7" / "run")
    assert found.system["harness"].startswith("im-gauntlet")
    assert len(found.sha256) == 64
    assert child.timeout_s > STEADY.load.duration_s


def test_only_the_candidate_has_the_labels_and_each_version_its_bug(child, tmp_path):
    made(tmp_path, bug="no_fsync")
    assert child.planned.options == (
        "--bug",
        "no_fsync",
        "--label=version=2.3",
        "--allow-exec",
    )
    made(tmp_path, "reference")
    assert child.planned.options == ("--allow-exec",)


@pytest.mark.parametrize(
    ("code", "expected"),
    [(-9, Exit.HARNESS), (0, Exit.HARNESS), (4, Exit.CONFIG), (99, Exit.HARNESS)],
)
def test_a_run_without_a_result_is_an_error(child, tmp_path, code, expected):
    child.code, child.result = code, None
    found = made(tmp_path)
    assert (found.status, found.exit_code, found.values) == ("error", expected, {})
    assert "output.txt" in found.reasons[0]


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": {}},
        {"verdict": {"status": "pass", "exit_code": 42, "reasons": []}},
        {"verdict": {"status": "pass", "exit_code": 0, "reasons": 5}},
        {"checks": None},
    ],
)
def test_a_damaged_result_is_an_error_and_no_pass(child, tmp_path, change):
    child.result = {**RESULT, **change}
    found = made(tmp_path)
    assert (found.status, found.exit_code) == ("error", Exit.HARNESS)
    assert found.reasons[0].startswith("The result cannot be read")


@pytest.mark.parametrize(
    ("code", "expected"),
    [(6, Exit.ROLLBACK), (3, Exit.HARNESS), (-9, Exit.HARNESS), (99, Exit.HARNESS)],
)
def test_a_process_can_end_worse_than_its_result_says(child, tmp_path, code, expected):
    child.code = code
    found = made(tmp_path)
    assert (found.status, found.exit_code, found.values) == ("error", expected, {})
    assert found.reasons[0].startswith(f"The process ended with exit {code}")
    assert found.cases


def test_a_run_that_did_not_end_in_time_is_an_error_whatever_it_left(child, tmp_path):
    child.late, child.code = True, 2
    found = made(tmp_path)
    assert (found.status, found.exit_code) == ("error", Exit.HARNESS)
    assert found.reasons[0].startswith("The run did not end within 300 s")


def test_a_run_that_an_interrupt_stopped_is_not_lost(child, tmp_path):
    child.interrupt, child.code = True, 6
    with pytest.raises(RunStopped) as caught:
        made(tmp_path)
    assert caught.value.run.exit_code == Exit.ROLLBACK
