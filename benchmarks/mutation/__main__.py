"""`python -m benchmarks.mutation`: test mutants of the judge, and record what became of them.

Each mutant that was tested is a line of `benchmarks/records/mutation.jsonl`; a mutant with a record
is not tested again, unless `--survivors` is given: then those that survived are, but for those that
`equivalent_mutants.jsonl` explains. Their order is random and depends on the seed,
the checks come before the history, so that an interrupted run leaves a sample.
"""

import argparse
import datetime as dt
import itertools
import os
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

# The functions import what they call: NumPy must be imported after `main` has set its threads.
if TYPE_CHECKING:
    from benchmarks.mutation.mutants import Mutant
    from benchmarks.mutation.session import Outcome

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / "benchmarks" / "records" / "mutation.jsonl"
FOLDERS = ("reports/checks", "reports/history")
TESTS = (
    "tests/reports/checks",
    "tests/reports/history",
    "tests/reports/test_golden_histories.py",
    "tests/reports/test_anomalies.py",
    "tests/reports/test_leftovers.py",
)


class Source(NamedTuple):
    """A file whose mutants are tested: the digest of its text, and all of its mutants."""

    digest: str
    mutants: "list[Mutant]"


def main() -> None:
    """Read the options, and run pytest with our plug-in."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a fork keeps only one thread
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation", description=__doc__)
    parser.add_argument("files", nargs="*", default=list(FOLDERS), help="files or folders")
    parser.add_argument("--records", type=Path, default=RECORDS)
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time (1)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=int, default=None, help="end after so many mutants")
    parser.add_argument("--every", action="store_true", help="all tests that reach the change")
    parser.add_argument("--mirrors", action="store_true", help="only tests that mirror the files")
    parser.add_argument("--tests", nargs="*", default=[], help="with --mirrors: also these files")
    parser.add_argument("--survivors", action="store_true", help="unexplained survivors, again")
    options = parser.parse_args()
    _test(options)


def _test(options: argparse.Namespace) -> None:
    import pytest

    from benchmarks.mutation.session import Session, mirrors

    sources = {file.relative_to(ROOT).as_posix(): _source(file) for file in _files(options.files)}
    todo = _chosen(options, sources)
    say = _recorder(options.records, sources, len(todo))
    arguments = ["-s", "-q", "-p", "no:cacheprovider", "-o", "timeout=0"]
    # Our own plug-in for pytest is imported before pytest could rewrite its asserts.
    arguments += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    arguments += ["-o", "tmp_path_retention_policy=none", "--rootdir", str(ROOT)]
    further = [ROOT / name for name in options.tests]
    scope = {"every": options.every, "mirrors": options.mirrors, "further": further}
    session = Session(todo, ROOT, say, jobs=options.jobs, **scope)
    tests = [ROOT / name for name in TESTS]
    if options.mirrors:
        files = [file for folder in tests for file in sorted(folder.rglob("test_*.py"))]
        tests = [file for file in files if any(mirrors(file, name) for name in sources)]
        tests += [file for file in further if file not in tests]
    # Other runs of pytest clean up the folder that is usual for temporary files.
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        arguments += ["--basetemp", f"{folder}/tests"]
        sys.exit(pytest.main([*arguments, *map(str, tests)], plugins=[session]))


def _source(file: Path) -> Source:
    from benchmarks.mutation.mutants import digest_of, mutants_of

    return Source(digest_of(file.read_text(encoding="utf-8")), mutants_of(file, ROOT))


def _chosen(options: argparse.Namespace, sources: dict[str, Source]) -> "list[Mutant]":
    """Return the mutants to test: those without a record, or the unexplained survivors."""
    from gauntlet.campaigns.scorecard.mutation import explained, read

    mutants = [mutant for source in sources.values() for mutant in source.mutants]
    random.Random(options.seed).shuffle(mutants)
    mutants.sort(key=lambda mutant: mutant.file.startswith("reports/history"))
    recorded = {record.key: record.outcome for record in read(options.records)}

    def outcome(mutant: "Mutant") -> str | None:
        place = mutant.line, mutant.column, mutant.operator, mutant.after
        return recorded.get((mutant.file, sources[mutant.file].digest, *place))

    reasons = explained(options.records) if options.survivors else {}
    wanted = "survived" if options.survivors else None
    return [
        mutant
        for mutant in mutants
        if outcome(mutant) == wanted and (mutant.file, mutant.before, mutant.after) not in reasons
    ][: options.most]


def _recorder(
    records: Path, sources: dict[str, Source], count: int
) -> "Callable[[Mutant, Outcome, str, int], None]":
    """Return what prints the outcome of each of `count` mutants, and appends it to the records."""
    from gauntlet.campaigns import record_files
    from gauntlet.campaigns.scorecard.mutation import MutantRecord
    from gauntlet.runner.manifest import commit_of

    commit, today = commit_of(ROOT), dt.datetime.now(dt.UTC).date().isoformat()
    numbers = itertools.count(1)

    def say(mutant: "Mutant", outcome: "Outcome", by: str, tests: int) -> None:
        print(f"{next(numbers)}/{count} {mutant.file}:{mutant.line} {outcome} {by or mutant.after}")
        if outcome == "not applied":
            return
        source = sources[mutant.file]
        record = MutantRecord(
            file=mutant.file,
            digest=source.digest,
            total=len(source.mutants),
            line=mutant.line,
            column=mutant.column,
            operator=mutant.operator,
            place=mutant.place,
            before=mutant.before,
            after=mutant.after,
            outcome=outcome,
            by=by,
            tests=tests,
            commit=commit,
            date=today,
        )
        record_files.append(records, record)

    return say


def _files(names: list[str]) -> list[Path]:
    found: list[Path] = []
    for name in names:
        path = ROOT / name
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return found


if __name__ == "__main__":
    main()
