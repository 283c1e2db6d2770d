"""SECURITY.md: each row of the threat model names a test that exists and runs."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| (?P<threat>[^|]+) \| (?P<test>[^|]+) \|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
_HEADER = "must not be possible"
ROWS = [match for match in _ROW.finditer(PAGE) if match["threat"] != _HEADER]


@cache
def functions(file):
    """The test functions of a file, by name."""
    found = ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name: node for node in found if isinstance(node, kinds)}


def test_the_threat_model_has_rows_for_each_who_is_not_trusted():
    model = PAGE.partition("## Threat model")[2].partition("\n## ")[0]
    sections = model.split("\n### ")[1:]
    assert len(sections) >= 6
    for section in sections:
        assert _ROW.search(section.partition(_HEADER)[2]), section.splitlines()[0]
    rows = [line for line in model.splitlines() if line.startswith("| ") and _HEADER not in line]
    assert len(rows) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["threat"])
def test_the_test_of_a_row_exists_and_is_not_skipped(row):
    named = _TEST.fullmatch(row["test"])
    assert named, f"{row['test']} must name one test, as in `tests/test_x.py::test_y`"
    function = functions(named[1]).get(named[2])
    assert function, f"there is no test {named[2]} in {named[1]}"
    decorators = [ast.unparse(each) for each in function.decorator_list]
    assert not [each for each in decorators if "skip" in each or "xfail" in each]


def test_no_test_stands_for_two_threats():
    tests = [row["test"] for row in ROWS]
    assert len(tests) == len(set(tests))
