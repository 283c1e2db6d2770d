"""Recorded runs keep their result, so that every change of the judgement is deliberate.

`.venv/bin/python -m tests.reports.test_golden` in the repository's root records the results again.
"""

import json
from pathlib import Path

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.mutators import lose_the_tail, present_twice, withhold_the_tail
from gauntlet.campaigns.synthetic.story import Story
from gauntlet.core.run_directory import RunDir, write_json
from gauntlet.reports.verdict.judge import judge

GOLDEN = Path(__file__).parents[1] / "golden" / "histories"
RUNS = {"good": None, "lost": lose_the_tail, "withheld": withhold_the_tail, "twice": present_twice}


def small_story(name: str) -> Story:
    """Return a small story with the anomaly of that name."""
    story = good_story(4, rate=8)
    story.scenario["name"] = name
    if mutate := RUNS[name]:
        mutate(story)
    story.reconcile()
    return story


@pytest.mark.parametrize("name", RUNS)
def test_a_recorded_run_keeps_its_result(name):
    run = RunDir.open(GOLDEN / name)
    result = json.loads(json.dumps(judge(run)))
    recorded = run.read_result()
    changed = [key for key in {**recorded, **result} if result.get(key) != recorded.get(key)]
    assert not changed, f"if this is intended, record the results again: {__doc__}"


def record() -> None:
    """Judge all recorded runs again; write those that do not exist yet."""
    for name in RUNS:
        if not (GOLDEN / name).exists():
            made = small_story(name).write(GOLDEN)
            made.path.rename(GOLDEN / name)
        run = RunDir.open(GOLDEN / name)
        write_json(run.result, judge(run))


if __name__ == "__main__":
    record()
