"""The rows on verdicts say what the records contain."""

import json

import pytest

from benchmarks.judge_records import record_rows

TRIAL = {
    "about": "",
    "fingerprint": "f",
    "commit": None,
    "expected": ["duplicate"],
    "sentence": "",
    "seconds": 1.0,
    "detected_s": None,
    "load": 0.5,
    "date": "2026-11-29",
}
MUTANT = {
    "file": "reports/checks/late.py",
    "digest": "d",
    "total": 9,
    "column": 0,
    "operator": "compare",
    "place": "check",
    "before": "<",
    "after": "<=",
    "by": "",
    "tests": 3,
    "commit": None,
    "date": "2026-11-29",
}


def trial(part, seed, verdict, first=""):
    return {
        **TRIAL, "part": part, "subject": part, "seed": seed, "verdict": verdict, "first": first,
        "reasons": [first] if first else [],
    }  # fmt: skip


def row(folder, name, trials=(), mutants=(), equivalents=()):
    """Return (what was measured, whether the target was reached) of a row."""
    for file, rows in (
        ("scorecard", trials),
        ("mutation", mutants),
        ("equivalent_mutants", equivalents),
    ):
        lines = "".join(f"{json.dumps(each)}\n" for each in rows)
        (folder / f"{file}.jsonl").write_text(lines)
    (found,) = [each for each in record_rows(folder) if each.name == name]
    return found.measured, found.met


@pytest.mark.parametrize(
    ("verdicts", "measured", "met"),
    [
        ([("fail", "duplicate")] * 20, "20 of 20 (84–100 %), 0 missed", True),
        ([("fail", "duplicate")] * 18 + [("fail", "late")] * 2, "18 of 20", False),
        ([("fail", "duplicate")] * 39 + [("pass", "")], "39 of 40", False),
    ],
    ids=["all", "wrong-names", "one-missed"],
)
def test_bugs_have_to_be_named_and_none_may_be_missed(tmp_path, verdicts, measured, met):
    trials = [trial("bugs", seed, *verdict) for seed, verdict in enumerate(verdicts)]
    found = row(tmp_path, "bugs", trials)
    assert found[0].startswith(measured)
    assert found[1] is met


@pytest.mark.parametrize(
    ("runs", "alarms", "met"), [(300, 0, True), (300, 1, False), (50, 0, None), (50, 1, False)]
)
def test_too_few_runs_without_an_alarm_prove_nothing(tmp_path, runs, alarms, met):
    verdicts = ["fail"] * alarms + ["pass"] * (runs - alarms)
    trials = [trial("clean", seed, verdict) for seed, verdict in enumerate(verdicts)]
    assert row(tmp_path, "alarms", trials) == (f"{alarms} alarms in {runs}", met)


def test_equivalent_mutants_do_not_count(tmp_path):
    killed = {**MUTANT, "line": 1, "outcome": "killed"}
    same = {**MUTANT, "line": 2, "outcome": "survived", "after": "!="}
    equivalent = {"file": MUTANT["file"], "before": "<", "after": "!=", "reason": "never equal"}
    assert row(tmp_path, "mutants", (), [killed, same], [equivalent]) == ("1 of 1", True)
    assert row(tmp_path, "mutants", (), [killed, same]) == ("1 of 2", False)


def test_without_records_nothing_is_claimed(tmp_path):
    assert row(tmp_path, "mutants") == ("no records", None)
    assert row(tmp_path, "bugs") == ("no records", None)
