"""The registry of seeded bugs."""

import importlib
from pathlib import Path

import pytest

import chaos.bugs
from chaos.bugs import BUGS
from gauntlet.kernel import vocabulary


def test_every_file_is_registered_under_its_name():
    """No bug is forgotten, and `--bug NAME` is the file's name."""
    files = {file.stem for file in Path(chaos.bugs.__file__).parent.glob("*.py")} - {"__init__"}
    assert set(BUGS) == files
    assert {name: bug.module for name, bug in BUGS.items()} == {
        name: f"chaos.bugs.{name}" for name in files
    }


@pytest.mark.parametrize("name", BUGS)
def test_every_bug_can_be_installed_and_names_a_check(name):
    """A bug has an `install`, and the check that must catch it exists and is required."""
    assert callable(importlib.import_module(BUGS[name].module).install)
    assert BUGS[name].check in vocabulary.DEFAULT_REQUIRED
