"""Each check has a golden bad history, in which it is named, and a good one that is nearly so.

They are in `tests/golden/checks`, small enough to be read; the first line says what happens.
"""

import pytest

from gauntlet.reports.checks import CHECKS
from gauntlet.reports.verdict.judge import judge

from .golden_histories import FOLDER, open_golden


@pytest.fixture
def judged(tmp_path):
    """Return a function that judges a golden history and returns (result, its check)."""

    def run(name, which):
        result = judge(open_golden(FOLDER / name / f"{which}.jsonl", tmp_path))
        return result, next(check for check in result["checks"] if check["id"] == name)

    return run


def test_every_check_has_a_good_and_a_bad_history_and_no_other_has_one():
    found = {file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*") if file.is_file()}
    assert found == {f"{name}/{which}.jsonl" for name in CHECKS for which in ("bad", "good")}


@pytest.mark.parametrize("name", CHECKS)
def test_the_bad_history_violates_its_check_which_is_named_first(judged, name):
    result, check = judged(name, "bad")
    assert check["verdict"] == "invalid"
    assert result["verdict"]["status"] == "fail"
    assert result["verdict"]["reasons"][0].startswith(f"{name}: ")
    assert check["witnesses"]


@pytest.mark.parametrize("name", CHECKS)
def test_the_good_history_violates_no_check_and_its_check_has_examined_something(judged, name):
    result, check = judged(name, "good")
    assert check["verdict"] == "valid"
    assert check["examined"] >= 1
    assert [each["id"] for each in result["checks"] if each["verdict"] == "invalid"] == []
    assert result["verdict"]["status"] == "pass"
