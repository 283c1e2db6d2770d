"""Recorded runs keep their verdict: a change of the judgement is seen, and meant.

`python -m tests.reports.test_golden` in the repository's root records them anew.
"""

import json
import shutil
from pathlib import Path

import pytest

from gauntlet.core.run_directory import RunDir, write_json
from gauntlet.reports.verdict.judge import judge

from .histories import good_story
from .mutators import lose_the_tail, show_twice, withhold_the_tail
from .story import Story

GOLDEN = Path(__file__).parents[1] / "golden" / "histories"
RUNS = {"good": None, "lost": lose_the_tail, "withheld": withhold_the_tail, "twice": show_twice}


def small(name: str) -> Story:
    """A small story, with what its name says."""
    story = good_story(4, rate=8)
    story.scenario["name"] = name
    if mutate := RUNS[name]:
        mutate(story)
    story.reconcile()
    return story


@pytest.mark.parametrize("name", RUNS)
def test_a_recorded_run_is_judged_as_ever(name):
    """The same records, the same result, in every detail."""
    run = RunDir.open(GOLDEN / name)
    result = judge(run)
    assert json.loads(json.dumps(result)) == run.read_result()


def record() -> None:
    """Write all recorded runs."""
    shutil.rmtree(GOLDEN, ignore_errors=True)
    for name in RUNS:
        made = small(name).write(GOLDEN)
        run = RunDir(made.path.rename(GOLDEN / name))
        for empty in (run.latency, run.logs):
            empty.rmdir()
        write_json(run.result, judge(run))


if __name__ == "__main__":
    record()
