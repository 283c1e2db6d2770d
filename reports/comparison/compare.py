"""The comparison of runs: the first is the reference, with which each other one is compared."""

import math
from collections.abc import Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from gauntlet.core.errors import ConfigError
from gauntlet.reports import formatting
from gauntlet.reports.comparison import bootstrap, changes, comparability, indicators, saved_run
from gauntlet.reports.comparison.indicators import Difference, Value
from gauntlet.reports.comparison.saved_run import SavedRun
from gauntlet.reports.damage import as_history_error

SCHEMA_VERSION = 1
RUNS_MAX = len(ascii_uppercase)
# What the first sentences are about.
_MAIN = (
    ("delivery_p99_ms", "steady"),
    ("ack_p99_ms", "steady"),
    ("acked_per_s", "steady"),
    ("stack_cores", "run"),
)


def load(paths: Sequence[Path]) -> list[SavedRun]:
    """Return the runs to compare, named A, B and so on; ConfigError if these cannot be compared."""
    if not 2 <= len(paths) <= RUNS_MAX:
        raise ConfigError(f"compare must be called with 2 to {RUNS_MAX} runs; got {len(paths)}")
    seen: dict[Path, Path] = {}
    for path in paths:
        if (first := seen.setdefault(path.resolve(), path)) is not path:
            raise ConfigError(f"compare must be called with different runs; {first} is given twice")
    return [saved_run.load(path, name) for path, name in zip(paths, ascii_uppercase, strict=False)]


def compare(runs: Sequence[SavedRun]) -> dict[str, Any]:
    """Return the comparison of each run with the first, as JSON has it; HistoryError for damage."""
    with as_history_error((run.directory.path for run in runs), "compared"):
        return {
            "schema_version": SCHEMA_VERSION,
            "confidence": bootstrap.CONFIDENCE,
            "runs": [_run(run) for run in runs],
            "comparisons": [_pair(runs[0], other) for other in runs[1:]],
        }


def _run(run: SavedRun) -> dict[str, Any]:
    about = run.result["run"]
    return {
        "name": run.name,
        "path": str(run.directory.path),
        "id": run.directory.path.resolve().name,
        "labels": run.labels,
        "scenario": about["scenario"],
        "seed": about["seed"],
        "stack": about["stack"],
        "adapter": about["adapter"],
        "status": run.result["verdict"]["status"],
        "exit_code": run.result["verdict"]["exit_code"],
        "numbers": run.trusted,
    }


def _pair(a: SavedRun, b: SavedRun) -> dict[str, Any]:
    obstacles = comparability.obstacles(a, b)
    differences = indicators.differences(a, b)
    serious = any(obstacle.serious for obstacle in obstacles)
    return {
        "a": a.name,
        "b": b.name,
        "comparable": "no" if serious else "with reservations" if obstacles else "yes",
        "obstacles": [obstacle._asdict() for obstacle in obstacles],
        "sentences": [
            sentence(each, b.name)
            for each in differences
            if (each.indicator, each.window) in _MAIN and None not in (each.a.number, each.b.number)
        ],
        "verdicts": [change._asdict() for change in changes.verdicts(a, b)],
        "configuration": [change._asdict() for change in changes.configuration(a, b)],
        "differences": [_difference(each) for each in differences],
    }


def sentence(found: Difference, name: str) -> str:
    """Return a difference in words."""
    what = f"{found.indicator} {formatting.window(found.window)}"
    values = f"{shown(found.indicator, found.a)} in A, {shown(found.indicator, found.b)} in {name}"
    if found.interval is None:
        reason = f"; {found.unknown}" if found.unknown else ""
        return f"{what}: {values}{reason}."
    bounds = f"{formatting.significant(found.interval.low)} to "
    bounds += f"{formatting.significant(found.interval.high)} times A"
    answer = {"none": "no difference shown", "higher": "higher", "lower": "lower"}[found.change]
    return f"{what}: {answer} ({values}; {bounds})."


def shown(indicator: str, value: Value) -> str:
    """Return a value with its unit, and whether it is a bound or a matter of chance."""
    if indicator == "stack_cores" and value.number is not None:
        return formatting.amount(value.number, "cores")
    text = formatting.measured(indicator, value.number, at_least=value.at_least)
    return f"{text} (few samples)" if value.few else text


def _difference(found: Difference) -> dict[str, Any]:
    return {
        "indicator": found.indicator,
        "window": found.window,
        "a": _value(found.a),
        "b": _value(found.b),
        "factor": found.factor,
        "interval": list(found.interval) if found.interval else None,
        "change": found.change,
        "unknown": found.unknown,
        "lower_is_better": found.lower_is_better,
    }


def _value(value: Value) -> dict[str, Any]:
    number: Any = value.number
    if number is not None and math.isinf(number):
        number = "inf"
    return {"value": number, "at_least": value.at_least, "few_samples": value.few}
