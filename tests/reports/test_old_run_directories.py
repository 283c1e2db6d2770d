"""A run directory that an earlier version wrote keeps its verdict, whatever is reworded or moved.

`tests/golden/run-before-0.1.0` was recorded and judged by the code before packages were renamed.
It has a disconnect and a killed edge, re-syncs, a missed objective, one with too few samples for
its percentile, and a machine that was busy in some seconds. Its result is compared in every key and
value; only the wording of sentences may differ.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gauntlet.core.run_directory import RunDir
from gauntlet.reports import checks
from gauntlet.reports.render.render import render
from gauntlet.reports.verdict import guarantees
from gauntlet.reports.verdict.judge import judge

RECORDED = Path(__file__).parents[1] / "golden" / "run-before-0.1.0"
RUN_ID = "20261128T110431Z-before-the-move-7-6c31"

# The keys of result.json that hold prose, each as the path to it; `*` is any entry of a list.
# A test below shows that no other key holds any. What a scenario, a fault or an adapter wrote is
# data and is compared.
SENTENCES = {
    ("verdict", "reasons", "*"),
    ("caveats", "*"),
    ("checks", "*", "sentence"),
    ("checks", "*", "witnesses", "*", "sentence"),
    ("objectives", "*", "sentence"),
    ("faults", "*", "recovery_unknown"),
    ("windows", "*", "unknown"),
    ("grades", "*", "evidence", "*"),
    ("grades", "*", "unjudged", "*"),
    ("workers", "*", "sentence"),
    ("self_audit", "sentence"),
}


def without_wording(value: Any, path: tuple[str, ...] = ()) -> Any:
    """The value with every sentence replaced by whether there is one."""
    if path in SENTENCES:
        assert isinstance(value, str)
        return bool(value)
    if isinstance(value, dict):
        return {key: without_wording(item, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [without_wording(item, (*path, "*")) for item in value]
    return value


def as_recorded(value: Any, recorded: Any) -> Any:
    """Return a value without the keys that its recorded form does not have."""
    if isinstance(value, dict) and isinstance(recorded, dict):
        return {key: as_recorded(value[key], recorded[key]) for key in value if key in recorded}
    if isinstance(value, list) and isinstance(recorded, list) and len(value) == len(recorded):
        return [as_recorded(*pair) for pair in zip(value, recorded, strict=True)]
    return value


def texts(value: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The paths of all texts in a result that read like prose: they contain a space."""
    if isinstance(value, str):
        return {path} if " " in value else set()
    if isinstance(value, dict):
        return set().union(*(texts(item, (*path, key)) for key, item in value.items()))
    if isinstance(value, list):
        return set().union(*(texts(item, (*path, "*")) for item in value))
    return set()


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """A copy of the recorded run directory under its original name, which is the run's id."""
    copy = tmp_path / RUN_ID
    shutil.copytree(RECORDED, copy)
    (copy / "expected-result.json").unlink()
    return RunDir.open(copy)


@pytest.fixture
def expected() -> dict[str, Any]:
    """The result that the code of that time gave."""
    found: dict[str, Any] = json.loads((RECORDED / "expected-result.json").read_text())
    return found


@pytest.fixture
def recorded_checks(monkeypatch: pytest.MonkeyPatch, expected: dict[str, Any]) -> None:
    """Only the checks of that time, so that a check which is added later changes nothing."""
    names = [check["id"] for check in expected["checks"]]
    monkeypatch.setattr(checks, "CHECKS", {name: checks.CHECKS[name] for name in names})
    aspects = {
        aspect: tuple(name for name in of_aspect if name in names)
        for aspect, of_aspect in guarantees.ASPECTS.items()
        if not set(names).isdisjoint(of_aspect)
    }
    monkeypatch.setattr(guarantees, "ASPECTS", aspects)


@pytest.mark.usefixtures("recorded_checks")
def test_an_old_run_directory_is_judged_as_it_was_when_it_was_recorded(run, expected):
    """Equal in every key, number, name, verdict and number of sentences, in the same order.

    Mappings may have more keys than they had then, and the style of the page also has a file of its
    own since then.
    """
    result = as_recorded(json.loads(json.dumps(judge(run))), expected)
    result["artifacts"].remove("report.css")
    assert without_wording(result) == without_wording(expected)
    assert list(result) == list(expected)


def test_only_the_keys_listed_as_sentences_hold_prose(expected):
    """What the comparison leaves out is text and nothing else."""
    data = {
        ("run", "about"),
        ("faults", "*", "proof", "seen_by"),
        ("self_audit", "figures", "*", "of"),
    }
    assert texts(expected) - SENTENCES == data


def test_an_old_run_directory_can_still_be_rendered(run):
    """Every artifact that the result lists is written beside it."""
    result = judge(run)
    assert render(run, result) == result["artifacts"]
    assert all((run.path / name).stat().st_size > 0 for name in result["artifacts"])
