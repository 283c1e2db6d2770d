"""The page on guarantees matches the code, and every row of the failure table has a test."""

import re
from pathlib import Path

import pytest

from gauntlet.cli.listing import failure_table
from gauntlet.scenarios import library

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "reference" / "guarantees.md").read_text()
MARK = re.compile(r'failure_row\("([a-z-]+)"\)')


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`((?:reference_server|tests)/[^`]+)`", PAGE)))
)
def test_every_file_that_the_page_names_exists(name):
    assert (ROOT / name).is_file()


def test_every_promise_has_a_mechanism_limits_and_a_demonstration():
    promises = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:-1]
    assert len(promises) >= 8
    for promise in promises:
        title = promise.splitlines()[0]
        assert "**Limits.**" in promise, title
        assert "**Shown by**" in promise, title
        assert "`reference_server/" in promise, title


def test_the_scenarios_of_the_page_exist_and_include_those_of_the_failure_table():
    shown = " ".join(re.findall(r"\*\*Shown by\*\*(.*?);", PAGE, re.DOTALL))
    named = set(re.findall(r"`([a-z-]+)`", re.sub(r"\((?:check|indicator)[^)]*\)", "", shown)))
    assert named <= {scenario.name for scenario in library.all_scenarios()}
    assert set(failure_table.names()) <= named


def test_every_row_of_the_failure_table_has_a_test():
    """A test is marked with `failure_row` and the name of the scenario."""
    marked = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in MARK.findall(file.read_text())
    }
    assert marked == set(failure_table.names())
