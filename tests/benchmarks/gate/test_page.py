"""The section of the page, from records that a test makes."""

import numpy as np

from benchmarks.gate import page, records, results
from benchmarks.gate.records import GateRecord
from benchmarks.gate.subject import questions
from gauntlet.campaigns.gate.outcome import key
from gauntlet.campaigns.gate.suite import Compare

from .test_records import record

COUNT = 12


def runs(slower=0.15):
    """Return records with a noise of a few percent."""
    random = np.random.default_rng(2)
    found = []
    for seed in range(1, COUNT + 1):
        for arm in records.order(seed):
            values = {
                key(each.indicator, each.window): float(np.exp(0.02 * random.standard_normal()))
                for each in questions(Compare())
            }
            if arm == "slow":
                values["ack_p50_ms@steady"] *= 1 + slower
            found.append(record(seed, arm, values=values))
    return found


def gate(change, number, exit_code, repository="a"):
    return GateRecord(
        change=change,
        number=number,
        repository=repository,
        command="gauntlet gate suite.yaml",
        exit_code=exit_code,
        runs=10,
        seconds=120.0,
        comparisons={},
        reason="",
        started="2026-11-30T03:00:00",
        commit=None,
        machine={},
    )


def test_the_section_has_a_row_for_every_number_of_pairs(monkeypatch):
    monkeypatch.setattr(results, "COUNTS", (3, 8))
    monkeypatch.setattr(results, "_SEARCHED", (8,))
    monkeypatch.setattr(results, "CHANGES", (0.0, 0.3))
    monkeypatch.setattr(results, "DRAWN", (8,))
    made = runs()
    found = results.compute(made, gates=20)
    (curve,) = found.curves
    assert [each.red for each in curve.found] == [0, 20]
    other = gate("equal", 1, 1, repository="b")
    gates = [other, *(gate("equal", number, 0) for number in range(10)), gate("slow", 1, 5)]
    text = page.section(found, made, gates)
    assert "12 triples of runs (exit 0 × 36; 0 without usable figures)" in text
    assert text.count("| 8 | ") == text.count("| 3 | ") == len(results.MIN_EFFECTS)
    assert text.count("| 5 to 15, in 3 looks | ") == len(results.MIN_EFFECTS)
    assert "| equal | 0 | 0 × 10 | 10 of 10 (72–100 %) | 10 |" in text
    assert "| slow | 1 | 5 × 1 | 0 of 1 (0–79 %) | 10 |" in text
    assert "images/gate.png" in text


def test_a_slow_version_that_is_not_slower_has_no_curve(monkeypatch):
    monkeypatch.setattr(results, "COUNTS", (3,))
    found = results.compute(runs(slower=-0.2), gates=5)
    assert found.curves == []
    assert "images/gate.png" not in page.section(found, runs(), [])


def test_without_records_the_section_says_so():
    assert page.section(None, [], []) == "There are no records of runs yet.\n"


def test_the_page_has_a_place_for_the_section():
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.END in text.partition(page.BEGIN)[2]
