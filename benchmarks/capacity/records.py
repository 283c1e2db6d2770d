"""The records of the benchmark: searches of one limit, and predictions of unseen mixes."""

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from benchmarks.table import Row
from gauntlet.campaigns import record_files
from gauntlet.campaigns.capacity.record import UnitCost

SPREAD_MAX = 0.15
ERROR_MAX = 0.20
SEARCHES = 5


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One search or one prediction; `subject` is a digest of the load, and of the machine.

    A search has its two bounds, a prediction the CPU of all components in cores.
    """

    kind: str  # search or mix
    subject: str
    commit: str | None
    date: str
    command: str
    low: float | None = None
    high: float | None = None
    mix: str = ""
    predicted: float | None = None
    measured: float | None = None
    trusted: bool = True
    components: dict[str, tuple[float, float]] = {}  # predicted and measured


def read(file: Path) -> list[Record]:
    """Return all records of a file."""
    return list(record_files.read(file, Record))


def spread(records: Iterable[Record]) -> float | None:
    """Return (max − min) / median of what the searches found; None without any.

    What a search found is its lower bound: that is what a reader plans with.
    """
    found = [each.low for each in records if each.kind == "search" and each.low is not None]
    return (max(found) - min(found)) / statistics.median(found) if found else None


def error(record: Record) -> float | None:
    """Return by which share the prediction differs from the measured CPU; None without one."""
    if record.predicted is None or not record.measured:
        return None
    return abs(record.predicted - record.measured) / record.measured


def predicted(costs: Sequence[UnitCost], counts: dict[str, float]) -> dict[str, float]:
    """Return the cores that unit costs predict for each tier at these counts."""
    found = {}
    for cost in costs:
        if cost.resource == "cpu_s":
            slopes = sum(each.value * counts.get(name, 0.0) for name, each in cost.per.items())
            found[cost.tier] = cost.fixed.value + slopes
    return found


def rows(records: Sequence[Record]) -> list[Row]:
    """Return the rows of the table: the spread of the searches, and each mix."""
    result = [_repeatability(found) for found in _by_subject(records)]
    latest = {each.mix: each for each in records if each.kind == "mix" and each.trusted}
    for mix, each in sorted(latest.items()):
        wrong = error(each)
        result.append(
            Row(
                f"mix {mix}",
                "CPU of all components, predicted from unit costs of other loads",
                "no figure" if wrong is None else f"{wrong:.1%} off",
                f"≤ {ERROR_MAX:.0%}",
                met=None if wrong is None else wrong <= ERROR_MAX,
            )
        )
    return result


def _by_subject(records: Iterable[Record]) -> list[list[Record]]:
    """Return the searches of each load and machine; other loads have other limits."""
    found: dict[str, list[Record]] = {}
    for each in records:
        if each.kind == "search":
            found.setdefault(each.subject, []).append(each)
    return list(found.values())


def _repeatability(searches: Sequence[Record]) -> Row:
    """Return the row of one load; a search without a bound has not repeated those of the others."""
    found, enough = spread(searches), len(searches) >= SEARCHES
    unbounded = sum(each.low is None for each in searches)
    measured = "no bound" if found is None else f"{found:.1%} of {len(searches) - unbounded}"
    if found is not None and unbounded:
        measured += f", {unbounded} without a bound"
    return Row(
        "searches",
        f"`{searches[-1].command}`, again: (max − min) / median",
        measured,
        f"≤ {SPREAD_MAX:.0%} of {SEARCHES}",
        met=found is not None and not unbounded and found <= SPREAD_MAX if enough else None,
    )
