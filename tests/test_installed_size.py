"""An installation stays small: what the distribution requires is added up where tests run."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "howto" / "install.md").read_text()
MB = 1_000_000
# Imports what each command calls, where no extra is installed.
IMPORT_ALL = """
import sys
from importlib import import_module
sys.modules |= dict.fromkeys(("asyncpg", "matplotlib", "pyarrow"))
from gauntlet.cli.commands import COMMANDS
for command in COMMANDS:
    import_module(command.call.partition(":")[0])
"""
LIMIT_MB = 260  # without extras
BLOCK = 4096  # bytes; what most file systems allocate at a time


def required(extras: tuple[str, ...]) -> dict[str, int]:
    """Return the size on disk of each distribution that ours requires, itself included."""
    found: dict[str, int] = {}
    visit("im-gauntlet", extras, found)
    return found


def visit(name: str, extras: tuple[str, ...], found: dict[str, int]) -> None:
    """Add a distribution and what it requires, unless it was added or is not installed."""
    key = canonicalize_name(name)
    if key in found:
        return
    try:
        installed = distribution(key)
    except PackageNotFoundError:
        return
    found[key] = sum(sizes([Path(str(file.locate())) for file in installed.files or ()]))
    for line in installed.requires or ():
        requirement = Requirement(line)
        wanted = requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)
        )
        if wanted:
            visit(requirement.name, tuple(requirement.extras), found)


def sizes(files: list[Path]) -> Iterator[int]:
    """Yield how much space the files take."""
    for file in files:
        if file.is_file():
            yield -(-file.stat().st_size // BLOCK) * BLOCK


def own_sizes(tracked_files: list[str]) -> Iterator[int]:
    """Yield the sizes of our modules, which are not files of an editable installation."""
    folders = ("gauntlet", "scenarios", "chaos", "reports", "reference_server")
    yield from sizes([ROOT / name for name in tracked_files if name.split("/")[0] in folders])


def test_an_installation_without_extras_is_not_larger_than_promised(tracked_files):
    found = required(())
    assert {"numpy", "locust", "msgspec"} <= found.keys()
    assert not {"matplotlib", "pyarrow", "asyncpg"} & found.keys()
    # Compiled modules take about as much space as their sources.
    total = sum(found.values()) + 2 * sum(own_sizes(tracked_files))
    assert total <= LIMIT_MB * MB, sorted(found.items(), key=lambda item: -item[1])[:10]


@pytest.mark.parametrize("extra", ["charts", "postgres", "parquet"])
def test_the_page_states_what_an_extra_adds(extra):
    (stated,) = re.findall(rf"^\| `{extra}` \| [^|]+ \| (\d+) \|", PAGE, re.MULTILINE)
    added = sum(required((extra,)).values()) - sum(required(()).values())
    if not added:
        pytest.skip(f"the extra {extra} is not installed")
    # Without compiled modules it is less, and versions and platforms differ.
    assert 0.5 < added / (int(stated) * MB) < 1.25


def test_every_command_can_be_imported_without_extras():
    done = subprocess.run(
        [sys.executable, "-P", "-c", IMPORT_ALL], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
