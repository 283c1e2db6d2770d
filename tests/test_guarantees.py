"""The guarantees name what is there; and every row of the failure table has its test."""

import re
from pathlib import Path

import pytest

from gauntlet.cli import failure_table
from gauntlet.scenarios import library

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "reference" / "guarantees.md").read_text()
MARK = re.compile(r'failure_row\("([a-z-]+)"\)')


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`((?:reference_server|tests)/[^`]+)`", PAGE)))
)
def test_every_file_of_the_guarantees_exists(name):
    """Users who doubt a promise can open its mechanism, and the test that shows it."""
    assert (ROOT / name).is_file()


def test_every_promise_names_its_mechanism_its_limits_and_what_shows_it():
    """A promise without limits is a slogan; one that nothing shows is a wish."""
    promises = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:-1]
    assert len(promises) >= 8
    for promise in promises:
        title = promise.splitlines()[0]
        assert "**Limits.**" in promise, title
        assert "**Shown by**" in promise, title
        assert "`reference_server/" in promise, title


def test_the_scenarios_of_the_guarantees_exist():
    """And those of the failure table are all among them."""
    shown = " ".join(re.findall(r"\*\*Shown by\*\*(.*?);", PAGE, re.DOTALL))
    named = set(re.findall(r"`([a-z-]+)`", re.sub(r"\((?:check|indicator)[^)]*\)", "", shown)))
    assert named <= {scenario.name for scenario in library.all_scenarios()}
    assert set(failure_table.names()) <= named


def test_every_row_of_the_failure_table_has_a_test():
    """`failure_row` names the scenario whose promise a test holds at close range."""
    marked = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in MARK.findall(file.read_text())
    }
    assert marked == set(failure_table.names())
