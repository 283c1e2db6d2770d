"""A damaged run directory ends in a result or in one sentence: never a traceback, never a hang."""

import os
import random
import time

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.core.errors import GauntletError, HistoryError
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.render import junit, summary
from gauntlet.reports.verdict.judge import judge

ROWS = (
    "[" * 100_000 + "]" * 100_000,
    '{"t_ns": NaN, "kind": "phase"}',
    '{"kind": "phase"}',
    '{"t_ns": 1, "kind": "fault"}',
    '{"t_ns": 1e400, "kind": "clock", "worker": 0}',
    "[]",
    "not JSON",
    "{}",
)
FILES = ("events/load-0.jsonl", "events/chaos.jsonl", "links.jsonl", "live.jsonl", "manifest.json")


@pytest.fixture
def run(written):
    """The directory of a small run without violations."""
    return written(good_story(4, rate=8))


def outcome(run: RunDir) -> int:
    """Judge and render a run; return the exit code. Any other exception fails the test."""
    try:
        result = judge(run)
    except GauntletError as error:
        lines = str(error).splitlines()
        return int(error.exit_code) if len(lines) == 1 else -1
    junit.document(result)
    summary.document(result)
    return int(result["verdict"]["exit_code"])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[:20])
def test_a_bad_row_is_named_or_ignored(run, name, row):
    file = run.path / name
    rows = file.read_text() if file.exists() else ""
    file.write_text(f"{row}\n{rows}")
    assert outcome(run) in {0, 3, 5}


@pytest.mark.parametrize("name", [*FILES, "history/w0-g1.bin"])
@pytest.mark.parametrize("make", [os.mkfifo, lambda file: file.symlink_to("/dev/zero")])
def test_links_and_pipes_are_not_followed(run, name, make):
    file = run.path / name
    file.unlink(missing_ok=True)
    make(file)
    begun = time.monotonic()
    assert outcome(run) == 3
    assert time.monotonic() - begun < 60


def test_an_unreadable_row_is_named_with_its_file_and_line(run):
    with (run.events / "chaos.jsonl").open("a") as file:
        file.write("nonsense\n")
    with pytest.raises(HistoryError, match=r"chaos\.jsonl, line \d+ cannot be read"):
        judge(run)


@pytest.mark.parametrize("seed", range(40))
def test_random_damage_ends_in_an_exit_code(run, seed):
    rng = random.Random(seed)
    files = sorted(
        file for file in run.path.rglob("*") if file.is_file() and file.stat().st_size > 0
    )
    for file in rng.sample(files, rng.randint(1, 2)):
        content = bytearray(file.read_bytes())
        match rng.randrange(4):
            case 0:
                content = content[: rng.randrange(len(content))]
            case 1:
                for _ in range(rng.randint(1, 8)):
                    content[rng.randrange(len(content))] = rng.randrange(256)
            case 2:
                at = rng.randrange(len(content))
                content[at:at] = rng.randbytes(rng.randint(1, 80))
            case _:
                content = bytearray(len(content))
        file.write_bytes(content)
    begun = time.monotonic()
    assert outcome(run) in {0, 1, 2, 3, 4, 5, 6}
    assert time.monotonic() - begun < 60
