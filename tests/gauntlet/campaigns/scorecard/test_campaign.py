"""A live trial from its run to its record, with runs whose results a test decides."""

from types import SimpleNamespace

import pytest

from gauntlet.campaigns import child_runs
from gauntlet.campaigns.child_runs import Child
from gauntlet.campaigns.scorecard.campaign import Campaign, read
from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir, write_json

from .example import subject

LIVE = subject()._replace(scenario={"name": "steady"}, seeds=1, seeds_if_missed=1)
FOUND = {
    "verdict": {"status": "fail", "exit_code": 1, "reasons": ["wire-order: a: b."]},
    "checks": [{"id": "wire-order", "witnesses": []}],
    "objectives": [],
}


@pytest.mark.parametrize(
    ("returned", "code", "verdicts"),
    [
        (1, Exit.OK, ["fail"]),  # the bug was found
        (3, Exit.HARNESS, []),
        (-9, Exit.HARNESS, []),
    ],
)
def test_a_trial_is_recorded_unless_its_process_ended_unlike_its_result(
    monkeypatch, tmp_path, returned, code, verdicts
):
    """It broke after it wrote the result, or a fault was not healed."""

    def run_all(queue, out, _jobs, finish):
        (planned,) = queue
        run = RunDir.make(out / "child" / "run")
        write_json(run.manifest, {"commit": "abc"})
        write_json(run.result, FOUND)
        process = SimpleNamespace(returncode=returned)
        finish(Child(planned.item, process, out / "child", 0.0))

    monkeypatch.setattr(child_runs, "run_all", run_all)
    file = tmp_path / "records.jsonl"
    campaign = Campaign(file, tmp_path / "out", jobs=1, say=lambda _line: None)
    assert campaign.run([LIVE], None) == code
    recorded = read(file).current(LIVE).values() if file.exists() else ()
    assert [record.verdict for record in recorded] == verdicts
