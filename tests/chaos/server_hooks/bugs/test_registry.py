"""The registry of seeded bugs."""

import importlib
from pathlib import Path

import pytest

from gauntlet.chaos.server_hooks import bugs
from gauntlet.chaos.server_hooks.bugs import BUGS
from gauntlet.core.scenario import catalog
from gauntlet.scenarios import library


def test_every_file_is_registered_under_its_name():
    """No bug is missing, and `--bug NAME` is the name of the file."""
    files = {file.stem for file in Path(bugs.__file__).parent.glob("*.py")} - {"__init__"}
    assert set(BUGS) == files
    assert {name: bug.module for name, bug in BUGS.items()} == {
        name: f"gauntlet.chaos.server_hooks.bugs.{name}" for name in files
    }


@pytest.mark.parametrize("name", BUGS)
def test_every_bug_can_be_installed(name):
    assert callable(importlib.import_module(BUGS[name].module).install)


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_the_check_that_must_catch_a_bug_fails_a_run(bug):
    """The scenario is in the library; its check is required, or its objective fails a run."""
    scenario = library.find(bug.scenario)
    failing = {objective.id for objective in scenario.sla if objective.severity == "fail"}
    assert bug.caught_by in (catalog.CHECKS.keys() & set(scenario.checks.required)) | failing


@pytest.mark.parametrize("page", ["README.md", "docs/reference/cli.md"])
def test_every_bug_is_documented(page):
    """The README and the reference show how to make each bug fail a run."""
    text = (Path(__file__).parents[4] / page).read_text()
    for name, bug in BUGS.items():
        assert f"gauntlet run {bug.scenario} --bug {name}" in text
        assert f"`{bug.caught_by}`" in text or f"→ {bug.caught_by}" in text
