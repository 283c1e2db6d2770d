"""Fixtures that write a story to a temporary run directory, read it, and judge it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gauntlet.core.run_directory import RunDir
from gauntlet.reports import checks
from gauntlet.reports.checks.finding import Verdict
from gauntlet.reports.history.history import History
from gauntlet.reports.verdict.judge import judge

from . import exit_mutators, histories, mutators
from .loading import read_history
from .story import Story


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Story], RunDir]:
    """Return a function that writes a story as a run directory."""
    numbers = iter(range(100))
    return lambda story: story.write(tmp_path / str(next(numbers)))


@pytest.fixture
def judged(written: Callable[[Story], RunDir]) -> Callable[[Story], dict[str, Any]]:
    """Return a function that writes a story and returns its result."""
    return lambda story: judge(written(story))


@pytest.fixture
def history(written: Callable[[Story], RunDir]) -> Callable[..., History]:
    """Return a function that writes a story and reads its history, `without` a capability."""

    def read(story: Story, *, without: str = "") -> History:
        return read_history(story, written(story), without)

    return read


@pytest.fixture
def verdict(history: Callable[..., History]) -> Callable[[str, Story], Verdict]:
    """Return a function that returns one check's verdict on a story."""
    return lambda name, story: checks.run_one(name, history(story))


@pytest.fixture
def good_story() -> Callable[[int], Story]:
    """Return `histories.good_story`, for tests in the folders below."""
    return histories.good_story


@pytest.fixture
def break_it() -> Callable[[str, Story], set[mutators.Identity]]:
    """Return a function that applies a mutator to a story and returns the messages concerned."""

    def apply(name: str, story: Story) -> set[mutators.Identity]:
        module = mutators if hasattr(mutators, name) else exit_mutators
        messages: set[mutators.Identity] = getattr(module, name)(story)
        story.reconcile()
        return messages

    return apply
