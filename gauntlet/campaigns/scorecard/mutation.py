"""Mutation testing of the judge: the records of its mutants, and their part of the page.

`benchmarks/mutation` makes the records. The last record of a mutant counts, and of each file only
the records of the content that was tested last.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from gauntlet.campaigns import record_files
from gauntlet.campaigns.markdown import item, paragraph, table

Outcome = Literal["killed", "survived", "timeout"]
Key = tuple[str, str, int, int, str, str]
Change = tuple[str, str, str]  # file, before, and after


class MutantRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the tests said of one mutant; `by` is the test that noticed it."""

    file: str
    digest: str  # of the content of the file
    total: int  # how many mutants the file has
    line: int
    column: int
    operator: str
    place: str
    before: str
    after: str
    outcome: Outcome
    by: str
    tests: int  # how many tests could notice it, and were to run
    commit: str | None
    date: str

    @property
    def key(self) -> Key:
        """What identifies the mutant."""
        return self.file, self.digest, self.line, self.column, self.operator, self.after


class Equivalent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mutant that no test can notice, because it does what the original does."""

    file: str
    before: str
    after: str
    reason: str


def beside(file: Path) -> str:
    """Return the part of the page that the files in the folder of the scorecard's records make."""
    return section(read(file.parent / "mutation.jsonl"), explained(file))


def read(file: Path) -> list[MutantRecord]:
    """Return the records that count."""
    records = list(record_files.read(file, MutantRecord))
    current = {record.file: record.digest for record in records}
    last = {record.key: record for record in records}
    return [record for record in last.values() if current[record.file] == record.digest]


def explained(file: Path) -> dict[Change, str]:
    """Return why each equivalent mutant is one, from the notes in the folder of a file."""
    notes = record_files.read(file.parent / "equivalent_mutants.jsonl", Equivalent)
    return {(each.file, each.before, each.after): each.reason for each in notes}


def score(file: Path) -> tuple[int, int]:
    """Return (mutants killed, mutants tested that are not equivalent) from records and notes."""
    equivalent = explained(file)
    others = [
        record
        for record in read(file)
        if record.outcome != "survived" or _change(record) not in equivalent
    ]
    return sum(record.outcome != "survived" for record in others), len(others)


def section(records: Sequence[MutantRecord], reasons: Mapping[Change, str]) -> str:
    """Return the part of the page, nothing without records; `reasons` are those of `explained`."""
    if not records:
        return ""
    survived = [record for record in records if record.outcome == "survived"]
    equivalent = [record for record in survived if _change(record) in reasons]
    open_ = [record for record in survived if _change(record) not in reasons]
    lines = [
        "## Mutants of the judge",
        "",
        paragraph(_about(records)),
        "",
        _table(records, reasons),
    ]
    if equivalent:
        lines += ["", "Equivalent, because they do what the original does:", ""]
        lines += [_item(record, reasons[_change(record)]) for record in _sorted(equivalent)]
    if open_:
        lines += ["", "Not noticed by these tests:", ""]
        lines += [_item(record, "") for record in _sorted(open_)]
    return "\n".join([*lines, ""])


def _about(records: Sequence[MutantRecord]) -> str:
    totals = {record.file: record.total for record in records}
    total = sum(totals.values())
    commits = sorted({record.commit or "unknown" for record in records})
    dates = sorted({record.date for record in records})
    return (
        "`python -m benchmarks.mutation` changes one comparison, operator, constant or statement "
        "of the judge at a time, and runs the golden histories that reach it and the tests that "
        "mirror its file. A mutant is killed if a test fails, or does not end. "
        f"{len(records):,} of the {total:,} mutants of these files were "
        f"tested, in random order. Measured: {dates[-1]}. Gauntlet: {', '.join(commits)}."
    )


def _table(records: Sequence[MutantRecord], reasons: Mapping[Change, str]) -> str:
    rows = []
    for file in sorted({record.file for record in records}):
        found = [record for record in records if record.file == file]
        rows.append([f"`{file}`", str(found[0].total), *_counts(found, reasons)])
    totals = {record.file: record.total for record in records}
    rows.append(["all", str(sum(totals.values())), *_counts(records, reasons)])
    header = [
        "file",
        "mutants",
        "tested",
        "killed",
        "equivalent",
        "not noticed",
        "killed of others",
    ]
    return table(header, rows)


def _counts(records: Sequence[MutantRecord], reasons: Mapping[Change, str]) -> Iterable[str]:
    counts = Counter(record.outcome for record in records)
    killed = counts["killed"] + counts["timeout"]
    equivalent = sum(
        record.outcome == "survived" and _change(record) in reasons for record in records
    )
    others = len(records) - equivalent
    share = f"{100 * killed / others:.0f} %" if others else "–"
    return (*map(str, (len(records), killed, equivalent, others - killed)), share)


def _change(record: MutantRecord) -> Change:
    return record.file, record.before, record.after


def _sorted(records: Sequence[MutantRecord]) -> list[MutantRecord]:
    return sorted(records, key=lambda record: (record.file, record.line, record.column))


def _item(record: MutantRecord, reason: str) -> str:
    text = f"`{record.file}`, line {record.line}: `{record.before}` as `{record.after}`"
    return item(f"{text}: {reason}" if reason else f"{text}.")
