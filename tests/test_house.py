"""The rules of the house: sizes, sentences, and what the repository speaks of."""

import ast
import re
import subprocess
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("gauntlet", "scenarios", "chaos", "reports", "reference_server")
MODULES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
# Lines of code. The cluster starts real services and is no part of what serves; see decision 009.
SERVER_LINES_MAX = 4350
CLUSTER_LINES_MAX = 1894


def named(file: Path) -> str:
    """A path as it is shown in test names."""
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", MODULES, ids=named)
def test_a_file_holds_one_idea_and_functions_fit_a_screen(file):
    """No module and no function grows past what a person holds in mind."""
    text = file.read_text()
    assert len(text.splitlines()) <= FILE_LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES_MAX, node.name


@pytest.mark.parametrize("file", MODULES, ids=named)
def test_every_module_says_what_it_is(file):
    """The first line of a file tells a newcomer whether to read on."""
    text = file.read_text()
    assert not text.strip() or ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("file", TESTS, ids=named)
def test_every_test_says_what_it_proves(file):
    """A failing test explains itself in a sentence."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[:5] == "test_":
            assert ast.get_docstring(node), node.name


def lines_of_code(file: Path) -> int:
    """The lines that hold code: neither blank nor comment nor docstring."""
    source = file.read_text()
    docstrings = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and ast.get_docstring(node) is not None
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    with file.open("rb") as stream:
        code = {
            line
            for token in tokenize.tokenize(stream.readline)
            if token.type not in _NO_CODE
            for line in range(token.start[0], token.end[0] + 1)
        }
    return len(code - docstrings)


_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


def test_the_reference_server_stays_lean():
    """A server that people copy from must be one that they can read."""
    server = {file: lines_of_code(file) for file in MODULES if "reference_server" in file.parts}
    cluster = sum(lines for file, lines in server.items() if "cluster" in file.parts)
    assert cluster <= CLUSTER_LINES_MAX
    assert sum(server.values()) - cluster <= SERVER_LINES_MAX


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
