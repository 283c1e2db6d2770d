"""Cells from the queue to their records, with runs whose results a test decides."""

from types import SimpleNamespace

import pytest

from gauntlet.campaigns import child_runs
from gauntlet.campaigns.child_runs import Child
from gauntlet.campaigns.grades import campaign, records, systems
from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir, write_json

CELL = next(cell for cell in systems.cells() if cell.name == "nats/core/steady")


def result(status, code):
    """The part of a result that records contain."""
    return {
        "verdict": {"status": status, "exit_code": int(code), "reasons": []},
        "checks": [],
        "grades": [],
        "counts": {},
    }


@pytest.fixture
def outcome(monkeypatch, tmp_path):
    """`outcome(result, returned)` runs the cell once; returns the exit code and the records."""

    def run(found, returned):
        def run_all(queue, out, _jobs, finish):
            for number, planned in enumerate(queue):
                folder = out / f"{number}"
                folder.mkdir(parents=True)
                if found is not None:
                    run = RunDir.make(folder / "run")
                    manifest = {"commit": None, "stack": {"components": []}}
                    write_json(run.manifest, {**manifest, "adapter": {"name": "nats"}})
                    write_json(run.result, found)
                finish(Child(planned.item, SimpleNamespace(returncode=returned), folder, 0.0))

        monkeypatch.setattr(child_runs, "run_all", run_all)
        monkeypatch.setattr(campaign, "missing", lambda _stacks: {})
        file = tmp_path / "records.jsonl"
        code = campaign.run(
            [CELL], file, tmp_path / "out", jobs=1, again=False, say=lambda _line: None
        )
        return code, records.read(file) if file.exists() else {}

    return run


@pytest.mark.parametrize(
    ("status", "code"),
    [("pass", Exit.OK), ("fail", Exit.FAILED), ("inconclusive", Exit.INCONCLUSIVE)],
)
def test_a_run_with_a_verdict_is_recorded(outcome, status, code):
    returned, recorded = outcome(result(status, code), code)
    assert returned == code
    assert recorded[CELL.name].verdict == status


@pytest.mark.parametrize(
    ("found", "returned", "code"),
    [
        (result("pass", Exit.OK), Exit.ROLLBACK, Exit.ROLLBACK),
        (result("pass", Exit.OK), -9, Exit.HARNESS),
        (result("fail", Exit.FAILED), Exit.HARNESS, Exit.HARNESS),
        (result("error", Exit.HARNESS), Exit.HARNESS, Exit.HARNESS),
        (None, Exit.OK, Exit.HARNESS),
        (None, Exit.CONFIG, Exit.CONFIG),
    ],
)
def test_a_run_whose_process_ended_unlike_its_result_has_no_verdict(outcome, found, returned, code):
    """It broke after it wrote the result, or a fault was not healed."""
    assert outcome(found, returned) == (code, {})
