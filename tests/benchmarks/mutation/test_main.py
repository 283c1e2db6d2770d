"""Which mutants are tested, and which ones are tested again."""

from argparse import Namespace

import pytest

from benchmarks.mutation import __main__ as command
from benchmarks.mutation.mutants import digest_of, mutants_of
from gauntlet.campaigns import record_files
from gauntlet.campaigns.scorecard.mutation import Equivalent, MutantRecord

SOURCE = "LEAST = 1\nMOST = 2\nCOUNT = 3\nSIZE = 4\n"
OUTCOMES = {"LEAST": "killed", "MOST": "survived", "COUNT": "survived"}


@pytest.fixture
def chosen(tmp_path):
    """Return a function that returns the names of the constants whose mutants are tested."""
    file, records = tmp_path / "sample.py", tmp_path / "mutation.jsonl"
    file.write_text(SOURCE)
    mutants = mutants_of(file, tmp_path)
    for mutant in mutants:
        name = mutant.before.split()[0]
        if name in OUTCOMES:
            known = {"digest": digest_of(SOURCE), "total": 4, "by": "", "tests": 1, "commit": None}
            change = {field: getattr(mutant, field) for field in ("line", "column", "operator")}
            text = {"place": "", "before": mutant.before, "after": mutant.after}
            outcome = {"outcome": OUTCOMES[name], "date": "2026-01-01"}
            record = MutantRecord(file="sample.py", **known, **change, **text, **outcome)
            record_files.append(records, record)
    note = Equivalent("sample.py", "COUNT = 3", "COUNT = 4", "Nothing reads it.")
    record_files.append(tmp_path / "equivalent_mutants.jsonl", note)

    def choose(*, survivors=False, most=None, source=SOURCE):
        options = Namespace(seed=1, survivors=survivors, most=most, records=records)
        found = command._chosen(options, {"sample.py": command.Source(digest_of(source), mutants)})
        return {mutant.before.split()[0] for mutant in found}

    return choose


def test_a_mutant_with_a_record_is_not_tested_again(chosen):
    assert chosen() == {"SIZE"}


def test_records_of_another_content_of_the_file_say_nothing(chosen):
    assert chosen(source=SOURCE + "\n") == {"LEAST", "MOST", "COUNT", "SIZE"}
    assert len(chosen(source=SOURCE + "\n", most=3)) == 3


def test_survivors_are_tested_again_unless_they_are_explained(chosen):
    assert chosen(survivors=True) == {"MOST"}
