"""Names that are made."""

import pytest

from gauntlet.core import run_directory


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("blue-green", True),
        ("a1", True),
        ("", False),
        ("Blue", False),
        ("-a", False),
        ("a" * 65, False),
    ],
)
def test_slugs_are_safe_as_file_names(text, good):
    """Scenario names and fault ids become parts of file names and window names."""
    assert run_directory.is_slug(text) is good


def test_a_run_id_names_scenario_and_seed():
    """A person finds a run by looking at the directory."""
    assert "-tour-7-" in run_directory.run_id("tour", 7)
