"""`python -m benchmarks.mutation`: test mutants of the judge, and record what became of them.

Each mutant that was tested is a line of `benchmarks/records/mutation.jsonl`; a mutant with a record
is not tested again, unless `--survivors` is given. Their order is random and depends on the seed,
the checks come before the history, so that an interrupted run leaves a sample.
"""

import argparse
import datetime as dt
import os
import random
import sys
import tempfile
from pathlib import Path

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
    parser.add_argument("--survivors", action="store_true", help="only those that survived, again")
    options = parser.parse_args()
    _test(options)


def _test(options: argparse.Namespace) -> None:
    import pytest

    from benchmarks.mutation.mutants import Mutant, digest_of, mutants_of
    from benchmarks.mutation.session import Outcome, Session, mirrors
    from gauntlet.campaigns import record_files
    from gauntlet.campaigns.scorecard.mutation import MutantRecord, read
    from gauntlet.runner.manifest import commit_of

    mutants: list[Mutant] = []
    digests, totals = {}, {}
    for file in _files(options.files):
        found = mutants_of(file, ROOT)
        name = file.relative_to(ROOT).as_posix()
        digests[name], totals[name] = digest_of(file.read_text(encoding="utf-8")), len(found)
        mutants += found
    random.Random(options.seed).shuffle(mutants)
    mutants.sort(key=lambda mutant: mutant.file.startswith("reports/history"))
    recorded = {record.key: record.outcome for record in read(options.records)}

    def outcome(mutant: Mutant) -> str | None:
        place = mutant.line, mutant.column, mutant.operator, mutant.after
        return recorded.get((mutant.file, digests[mutant.file], *place))

    wanted = "survived" if options.survivors else None
    todo = [mutant for mutant in mutants if outcome(mutant) == wanted][: options.most]
    commit, today = commit_of(ROOT), dt.datetime.now(dt.UTC).date().isoformat()
    done = 0

    def say(mutant: Mutant, outcome: Outcome, by: str, tests: int) -> None:
        nonlocal done
        done += 1
        print(f"{done}/{len(todo)} {mutant.file}:{mutant.line} {outcome} {by or mutant.after}")
        if outcome == "not applied":
            return
        record = MutantRecord(
            file=mutant.file,
            digest=digests[mutant.file],
            total=totals[mutant.file],
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
        record_files.append(options.records, record)

    arguments = ["-s", "-q", "-p", "no:cacheprovider", "-o", "timeout=0"]
    # Our own plug-in for pytest is imported before pytest could rewrite its asserts.
    arguments += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    arguments += ["-o", "tmp_path_retention_policy=none", "--rootdir", str(ROOT)]
    scope = {"every": options.every, "mirrors": options.mirrors}
    session = Session(todo, ROOT, say, jobs=options.jobs, **scope)
    tests = [ROOT / name for name in TESTS]
    if options.mirrors:
        files = [file for folder in tests for file in sorted(folder.rglob("test_*.py"))]
        tests = [file for file in files if any(mirrors(file, name) for name in digests)]
    # Other runs of pytest clean up the folder that is usual for temporary files.
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        arguments += ["--basetemp", f"{folder}/tests"]
        sys.exit(pytest.main([*arguments, *map(str, tests)], plugins=[session]))


def _files(names: list[str]) -> list[Path]:
    found: list[Path] = []
    for name in names:
        path = ROOT / name
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return found


if __name__ == "__main__":
    main()
