"""The records of the fuzzers, and the page that is made of them.

`benchmarks/fuzzing` makes the records: one for each part of a session, in the order of time.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from gauntlet.campaigns import record_files
from gauntlet.campaigns.markdown import item, paragraph, table

# What each fuzzer tries, in the order of the page.
TARGETS = {
    "frames": (
        "the frames and HTTP answers of every adapter's system, and the client frames and bus "
        "messages of the reference server"
    ),
    "http": "requests to the reference server's HTTP server, gateway and services",
    "scenario": "scenario files in YAML",
    "run-directory": "run directories: events, histories, manifests and results",
    "proxy": "the API of the fault proxy, while bytes pass through it",
}
_HEADER = (
    "fuzzer",
    "tries",
    "inputs",
    "minutes",
    "CPU minutes",
    "defects found",
    "inputs since the last one",
    "minutes since",
)


class Defect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first input of a part that showed a defect; `times` counts all of the part.

    `error` is the type and the place, by which defects are told apart, and `message` the rest.
    """

    input: int
    error: str
    message: str
    times: int = 1


class FuzzRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a session: the inputs `first` to `first + inputs - 1` of a seed."""

    target: str
    seed: int
    first: int
    inputs: int
    seconds: float
    cpu_s: float
    defects: tuple[Defect, ...]
    commit: str | None
    date: str


def read(file: Path) -> list[FuzzRecord]:
    """Return all records."""
    return list(record_files.read(file, FuzzRecord))


def next_input(records: Sequence[FuzzRecord], target: str, seed: int) -> int:
    """Return the number of the first input of a seed that was not tried."""
    tried = [each for each in records if (each.target, each.seed) == (target, seed)]
    return max((each.first + each.inputs for each in tried), default=0)


def clean(records: Sequence[FuzzRecord], target: str) -> list[FuzzRecord]:
    """Return the records of a target since the last one with a defect."""
    found = [each for each in records if each.target == target]
    last = max((at for at, each in enumerate(found) if each.defects), default=-1)
    return found[last + 1 :]


def page(records: Sequence[FuzzRecord]) -> str:
    """Return the page."""
    lines = [
        "# Fuzzers",
        "",
        "<!-- Generated from benchmarks/records by `make docs`: do not edit. -->",
        "",
        paragraph(
            "A fuzzer gives random inputs to code that reads what others wrote: valid inputs with "
            "damaged bytes, values and orders. Each input depends on the seed and its number only. "
            "An input is a defect if the code raises anything but its declared errors, breaks a "
            "promise such as that of a round trip, or needs too much CPU time. Every defect was "
            "corrected, and became a test; a time-out that does not show again came from a busy "
            "machine."
        ),
        "",
        table(_HEADER, [_row(records, name) for name in TARGETS]),
        "",
        *_measured(records),
        "## Run a fuzzer",
        "",
        "```console",
        "$ .venv/bin/python -m benchmarks.fuzzing frames --minutes 10",
        "$ .venv/bin/python -m benchmarks.fuzzing frames --seed 1 --input 4711",
        "```",
        "",
        paragraph(
            "A session continues where the last one of the same seed ended, and appends a record "
            "to `benchmarks/records/fuzz.jsonl` every half minute. `--minutes` counts what was "
            "recorded since the last defect, so that a session which was interrupted goes on. "
            "`--input` tries one input again, with the whole traceback."
        ),
        "",
    ]
    found = _defects(records)
    if found:
        lines += ["## What they found", "", *found, ""]
    return "\n".join(lines)


def _row(records: Sequence[FuzzRecord], target: str) -> list[str]:
    found = [each for each in records if each.target == target]
    since = clean(records, target)
    return [
        f"`{target}`",
        TARGETS[target],
        f"{sum(each.inputs for each in found):,}",
        _minutes(sum(each.seconds for each in found)),
        _minutes(sum(each.cpu_s for each in found)),
        str(len({defect.error for each in found for defect in each.defects})),
        f"{sum(each.inputs for each in since):,}",
        _minutes(sum(each.seconds for each in since)),
    ]


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f}"


def _measured(records: Sequence[FuzzRecord]) -> list[str]:
    if not records:
        return []
    commits = sorted({each.commit or "unknown" for each in records})
    seeds = sorted({each.seed for each in records})
    text = (
        f"Measured: {max(each.date for each in records)}. Gauntlet: {', '.join(commits)}. "
        f"Seeds: {', '.join(map(str, seeds))}. The minutes are those of a clock: where other "
        "programs used the machine, a fuzzer had the CPU time of the column beside them."
    )
    return [paragraph(text), ""]


def _defects(records: Sequence[FuzzRecord]) -> list[str]:
    """Return an item for each defect, at its first occurrence."""
    first: dict[tuple[str, str], str] = {}
    for each in records:
        for defect in each.defects:
            where = f"`{each.target}`, seed {each.seed}, input {defect.input}"
            text = f"{where}: `{defect.error}: {defect.message.replace('`', chr(39))}`"
            first.setdefault((each.target, defect.error), text)
    return [item(text) for text in first.values()]
