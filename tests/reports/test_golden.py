"""Recorded runs keep their result, so that every change of the judgement is deliberate.

`python -m tests.reports.test_golden` in the repository's root records them again.
"""

import json
import shutil
from pathlib import Path

import pytest

from gauntlet.core.run_directory import RunDir, write_json
from gauntlet.reports.verdict.judge import judge

from .histories import good_story
from .mutators import lose_the_tail, present_twice, withhold_the_tail
from .story import Story

GOLDEN = Path(__file__).parents[1] / "golden" / "histories"
RUNS = {"good": None, "lost": lose_the_tail, "withheld": withhold_the_tail, "twice": present_twice}


def small_story(name: str) -> Story:
    """Return a small_story story with the anomaly of that name."""
    story = good_story(4, rate=8)
    story.scenario["name"] = name
    if mutate := RUNS[name]:
        mutate(story)
    story.reconcile()
    return story


@pytest.mark.parametrize("name", RUNS)
def test_a_recorded_run_keeps_its_result(name):
    run = RunDir.open(GOLDEN / name)
    result = judge(run)
    assert json.loads(json.dumps(result)) == run.read_result()


def record() -> None:
    """Write all recorded runs."""
    shutil.rmtree(GOLDEN, ignore_errors=True)
    for name in RUNS:
        made = small_story(name).write(GOLDEN)
        run = RunDir(made.path.rename(GOLDEN / name))
        for empty in (run.latency, run.logs):
            empty.rmdir()
        write_json(run.result, judge(run))


if __name__ == "__main__":
    record()
