"""The examples of the page on plug-ins work when they are applied to a copy of the source tree."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "howto" / "write-a-plug-in.md").read_text(encoding="utf-8")
_SECTION = re.compile(r"^## (An? [a-z ]+)\n(.*?)(?=^## An? |\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```(python|diff|markdown|html|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ADDITION = re.compile(r"^ (.*)\n((?:\+.*\n)+)", re.MULTILINE)
SECTIONS = dict(_SECTION.findall(PAGE))
KINDS = ("A fault", "A workload", "An adapter", "A check", "An indicator", "A section")

# As `python -m tests.reports.test_golden`, which would import our packages from the folder.
_RECORD = """
import sys
sys.path.append("")
from tests.reports.test_golden import record
record()
"""

pytestmark = [pytest.mark.integration, pytest.mark.ci, pytest.mark.timeout(300)]


def test_every_kind_of_plugin_has_an_example():
    assert tuple(SECTIONS) == KINDS


@pytest.fixture(scope="module")
def tree(tmp_path_factory, copy_source_tree):
    """A copy of the source tree in which Python imports our packages from the copy."""
    copy = tmp_path_factory.mktemp("plug-ins")
    copy_source_tree(copy)
    return copy


def blocks(section):
    """Yield the code blocks of a section as language, file and content."""
    for language, content in _BLOCK.findall(section):
        first, _, rest = content.partition("\n")
        yield language, first.strip("#<!->/ "), rest


def apply(tree, language, name, content):
    """Write a new file, insert the lines of a diff, or append to a page."""
    file = tree / name
    if language == "diff":
        file.write_text(insert_lines(file.read_text(), content))
    elif language == "markdown":
        head, heading, tail = file.read_text().rpartition("\n## Probes\n")
        file.write_text(f"{head}\n{content}{heading}{tail}")
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


def insert_lines(text, diff):
    """Return the text with the added lines of a diff, each after the context line above it.

    A name is in the list of imports and in the registry: the first addition of a diff belongs after
    the first occurrence of its context line, the others after the last. A context line that ends
    with `…` stands for a longer one.
    """
    for number, (context, added) in enumerate(_ADDITION.findall(diff)):
        lines = text.splitlines(keepends=True)
        line = next(line for line in lines if re.fullmatch(_pattern(context), line))
        head, _, tail = text.rpartition(line) if number else text.partition(line)
        text = head + line + re.sub(r"^\+", "", added, flags=re.MULTILINE) + tail
    return text


def _pattern(context):
    return re.escape(context).replace("…", ".*") + "\n"


def run(tree, *arguments):
    """Run Python with the copy's packages, which shadow those of the installation."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree / "build" / "imports")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def extended(tree):
    """The copy with all examples applied, and with what is derived from them."""
    for section in SECTIONS.values():
        for block in blocks(section):
            apply(tree, *block)
    run(tree, "tools/import_tree.py")
    run(tree, "tools/make_docs.py")
    run(tree, "-P", "-c", _RECORD)
    return tree


@pytest.mark.parametrize("kind", KINDS)
def test_the_test_of_an_example_passes(extended, kind):
    files = [name for _, name, _ in blocks(SECTIONS[kind]) if name.endswith(".py")]
    (test,) = [name for name in files if Path(name).name.startswith("test_")]
    run(extended, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", test)
    run(extended, "-P", "-m", "ruff", "check", *files)


def test_the_tests_of_what_the_examples_change_pass(extended):
    tests = [
        *("tests/chaos/faults/test_registry.py", "tests/gauntlet/core/scenario", "tests/reports"),
        *("tests/scenarios/adapters", "tests/test_docs.py", "tests/test_docs_adapters.py"),
    ]
    # No example changes how the many made-up histories are judged.
    made_up = (
        "tests/reports/interchange",
        "tests/reports/parts",
        "tests/reports/test_anomalies.py",
        "tests/reports/test_leftovers.py",
    )
    ignored = [f"--ignore={name}" for name in made_up]
    options = ("-q", "-p", "no:cacheprovider", "-m", "not full", *ignored)
    run(extended, "-P", "-m", "pytest", *options, *tests)
