"""The address of the repository and the security contact are written down once."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SOURCE = PROJECT["urls"]["Source"]
PLACEHOLDER_HOST = "example.invalid"
BRANCH = "main"


@pytest.mark.parametrize("text", [SOURCE, PLACEHOLDER_HOST, PROJECT["authors"][0]["email"]])
def test_addresses_are_in_pyproject_and_the_readme_only(text, tracked_files):
    """Moving the repository, or a new contact, must not require other changes."""
    this_file = f"tests/{Path(__file__).name}"
    containing = {
        name
        for name in tracked_files
        if text in (ROOT / name).read_text(encoding="utf-8", errors="replace")
    }
    assert containing - {this_file} <= {"pyproject.toml", "README.md"}


def test_every_address_of_the_project_begins_with_its_source():
    for name, address in PROJECT["urls"].items():
        assert address == SOURCE or address.startswith(f"{SOURCE}/"), name


def test_the_readme_uses_the_address_of_the_source_and_no_other_part_of_the_host():
    """Package indexes cannot follow relative links, so README.md repeats the address."""
    readme = (ROOT / "README.md").read_text()
    assert readme.count(PLACEHOLDER_HOST) == (
        readme.count(SOURCE) if PLACEHOLDER_HOST in SOURCE else 0
    )


def test_absolute_links_of_the_readme_lead_to_existing_files():
    readme = (ROOT / "README.md").read_text()
    for target in re.findall(rf"{re.escape(SOURCE)}/([^)\s\"#]+)", readme):
        view, _, rest = target.partition("/")
        branch, _, path = rest.partition("/")
        if view in ("blob", "tree", "raw"):
            assert branch == BRANCH, target
            assert (ROOT / path).exists(), target
