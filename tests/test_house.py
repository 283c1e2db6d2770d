"""The rules of the house: sizes, sentences, and what the repository speaks of."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("gauntlet", "scenarios", "chaos", "reports", "reference_server")
MODULES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))

FUNCTION_LINES_MAX = 60


def named(file: Path) -> str:
    """A path as it is shown in test names."""
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", MODULES, ids=named)
def test_a_file_holds_one_idea_and_functions_fit_a_screen(file):
    """No module and no function grows past what a person holds in mind."""
    text = file.read_text()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES_MAX, node.name


@pytest.mark.parametrize("file", MODULES, ids=named)
def test_every_module_says_what_it_is(file):
    """The first line of a file tells a newcomer whether to read on."""
    text = file.read_text()
    assert not text.strip() or ast.get_docstring(ast.parse(text))


def test_no_lint_exception_without_a_reason():
    """`noqa` and `type: ignore` name the rule, and say why on their line."""
    bare = re.compile(r"#\s*(noqa(?!: [A-Z]+\d+)|type: ignore(?!\[))")
    unreasoned = re.compile(r"#\s*(noqa: [A-Z0-9, ]+|type: ignore\[[a-z-, ]+\])\s*$")
    for file in [*MODULES, *TESTS]:
        if file == Path(__file__):
            continue
        for number, line in enumerate(file.read_text().splitlines(), 1):
            assert not bare.search(line), f"{named(file)}:{number}"
            assert not unreasoned.search(line), f"{named(file)}:{number}"


def test_no_word_of_a_machine_in_the_repository():
    """No committed file holds a path of somebody's machine."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    private = re.compile(r"/(home|Users|root)/\w")
    for file in files:
        if file == Path(__file__) or not file.exists():
            continue
        found = private.search(file.read_text(errors="ignore"))
        assert found is None, f"{named(file)}: {found}"
