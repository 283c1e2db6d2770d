"""The part of the page on mutants counts each mutant once, and lists those that survived."""

import msgspec
import pytest

from gauntlet.campaigns import record_files
from gauntlet.campaigns.scorecard import mutation
from gauntlet.campaigns.scorecard.mutation import Equivalent, MutantRecord

RECORD = MutantRecord(
    file="reports/checks/late.py",
    digest="of-today",
    total=4,
    line=7,
    column=3,
    operator="comparison",
    place="check",
    before="if a < b:",
    after="if a <= b:",
    outcome="killed",
    by="test_late",
    tests=3,
    commit="abc",
    date="2026-01-01",
)


def record(**changes):
    return msgspec.structs.replace(RECORD, **changes)


@pytest.fixture
def page(tmp_path):
    """Return a function that returns the part of the page for records and equivalents."""

    def make(*records, equivalents=()):
        for each in records:
            record_files.append(tmp_path / "mutation.jsonl", each)
        for each in equivalents:
            record_files.append(tmp_path / "equivalent_mutants.jsonl", each)
        return mutation.beside(tmp_path / "scorecard.jsonl")

    return make


def row(text, name):
    (found,) = [line for line in text.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in found.strip("|").split("|")][1:]


def test_without_records_there_is_no_part(page):
    assert page() == ""


def test_mutants_are_counted_by_their_last_record(page):
    again = record(line=8, outcome="survived"), record(line=8)
    text = page(RECORD, *again, record(line=9, outcome="timeout"))
    assert row(text, "all") == ["4", "3", "3", "0", "0", "100 %"]
    assert "Not noticed" not in text


def test_records_of_an_earlier_content_of_a_file_do_not_count(page):
    text = page(record(digest="of-yesterday", outcome="survived"), RECORD)
    assert row(text, "`reports/checks/late.py`") == ["4", "1", "1", "0", "0", "100 %"]


def test_a_survivor_is_listed_and_an_equivalent_one_with_its_reason(page):
    same = Equivalent(RECORD.file, RECORD.before, "if b > a:", "It compares the same.")
    survivors = record(outcome="survived"), record(outcome="survived", after="if b > a:")
    text = page(record(line=9), *survivors, equivalents=[same])
    assert row(text, "all") == ["4", "3", "1", "1", "1", "50 %"]
    equivalent, unnoticed = text.split("Not noticed by these tests:")
    assert "`if b > a:`: It compares the same." in " ".join(equivalent.split())
    assert "line 7: `if a < b:` as `if a <= b:`." in " ".join(unnoticed.split())
