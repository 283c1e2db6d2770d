"""The parts of the scorecard that judge synthetic histories, in this process."""

import functools
import hashlib
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from gauntlet.campaigns.scorecard.results import record_of
from gauntlet.campaigns.scorecard.trials import Part, Record, Subject, Trial
from gauntlet.campaigns.synthetic.correct import CORRECT
from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.mutators import MUTATORS
from gauntlet.campaigns.synthetic.story import Story
from gauntlet.core.scenario import catalog
from gauntlet.reports.verdict.judge import judge

SEEDS, SEEDS_IF_MISSED = 10, 20
_BROKEN = {mutate.__name__: (mutate, check) for mutate, check in MUTATORS.items()}
_UNUSUAL = {make.__name__: make for make in CORRECT}


@functools.cache
def anomalies() -> tuple[Subject, ...]:
    """Return a subject for each mutator."""
    return tuple(
        _subject(Part.ANOMALIES, name, mutate.__doc__ or "", (check,))
        for name, (mutate, check) in _BROKEN.items()
    )


@functools.cache
def correct() -> tuple[Subject, ...]:
    """Return a subject for each unusual but correct history."""
    return tuple(
        _subject(Part.CORRECT, name, make.__doc__ or "", ()) for name, make in _UNUSUAL.items()
    )


def _subject(part: Part, name: str, about: str, expected: tuple[str, ...]) -> Subject:
    sentence = about.strip().partition("\n")[0]
    digest = _digest(story_of(part, name, seed=1))
    return Subject(part, name, sentence, digest, SEEDS, SEEDS_IF_MISSED, expected)


def story_of(part: Part, name: str, seed: int) -> Story:
    """Return the history of a subject with a seed."""
    if part is Part.CORRECT:
        story = _UNUSUAL[name](seed)
    else:
        story = good_story(seed)
        _BROKEN[name][0](story)
        story.reconcile()
    story.scenario["checks"] = {"required": list(catalog.CHECKS)}
    return story


def _digest(story: Story) -> str:
    """Return a short digest of what a story writes: of another history, records are stale."""
    plain: list[Any] = [story.scenario, story.convs, story.chaos, story.conductor, story.phases]
    found = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
    for record in story.records:
        found.update(record.pack())
    return found.hexdigest()[:12]


def try_out(trial: Trial, commit: str | None) -> Record:
    """Judge the history of a trial."""
    started = time.monotonic()
    story = story_of(trial.subject.part, trial.subject.name, trial.seed)
    with tempfile.TemporaryDirectory() as folder:
        result = judge(story.write(Path(folder)))
    return record_of(trial, result, commit, time.monotonic() - started)
