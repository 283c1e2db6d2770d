"""Reads what a trial shows from a run directory: whether it held, the counts, and the use."""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from gauntlet.campaigns.capacity.record import During, Outcome, Run
from gauntlet.core import run_directory
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.errors import Exit, GauntletError, HistoryError
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.comparison import saved_run
from gauntlet.reports.comparison.bootstrap import Floats
from gauntlet.reports.comparison.saved_run import SavedRun

_DAMAGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_TRUSTED = "trustworthy"
_SECONDS_MIN = 3  # of a window in which use is measured
# The regressors, and the columns of the series that count them.
_RATES = {"message": "acked", "delivery": "delivered", "handshake": "connects"}
# The fields of a row of vitals.jsonl, by the resource of which they are the use.
_FIELDS = {
    "cpu_s": "component_cores",
    "memory_bytes": "component_rss_bytes",
    "network_bytes": "component_io_bytes_per_s",
}
_SIZES = "database_bytes"
_EXPORTED = "metrics"  # the journal of what a system exports itself


class Judged(NamedTuple):
    """What a run says about its level, and what it measured.

    `violated` are the required checks that found something: no load excuses that.
    """

    outcome: Outcome
    reason: str
    measured: dict[str, float]
    use: dict[str, float]
    violated: tuple[str, ...] = ()


def provenance(run: RunDir) -> Run:
    """Return which run it was."""
    content = run.result.read_bytes()
    return Run(directory=str(run.path), sha256=hashlib.sha256(content).hexdigest())


def judge(run: RunDir, during: During) -> Judged:
    """Return what a run with a result shows; HistoryError if it cannot be read."""
    try:
        saved = saved_run.load(run.path, "run")
        outcome, reason = verdict(saved.result)
        measured, use = _measures(saved, during)
        return Judged(outcome, reason, measured, use, tuple(_violated(saved.result)))
    except _DAMAGE as error:
        raise HistoryError(f"{run.path} has another form than expected: {error!r}") from error
    except GauntletError as error:
        raise HistoryError(str(error)) from error


def verdict(result: Mapping[str, Any]) -> tuple[Outcome, str]:
    """Return whether the level held, failed, or proves nothing, and why.

    A violated check counts even where the generator was the limit: no load excuses a lost message.
    """
    reasons = [str(each) for each in result["verdict"]["reasons"]]
    reason, code = (reasons[0] if reasons else ""), int(result["verdict"]["exit_code"])
    if violated := list(_violated(result)):
        return "failed", f"Violated: {', '.join(violated)}. {reason}".strip()
    audit = result.get("self_audit") or {}
    if (status := str(audit.get("status", "not-recorded"))) != _TRUSTED:
        return "refused", f"The numbers are {status}: {audit.get('sentence', '')}".strip(": ")
    if code == Exit.OK:
        return "held", ""
    return ("failed" if code == Exit.FAILED else "refused"), reason


def _violated(result: Mapping[str, Any]) -> Iterable[str]:
    return (
        str(each["id"])
        for each in result["checks"]
        if each["required"] and each["verdict"] == "invalid"
    )


def window_of(run: SavedRun, during: During) -> tuple[float, float]:
    """Return the begin and the end of the seconds in which a trial is measured.

    During N−1 that is the time with one component less; otherwise all of the steady load, the
    disturbance included.
    """
    window = run.window("run")
    assert window is not None
    from_s, seconds = float(window["from_s"]), run.column("second")
    busy = seconds[run.column("sent") > 0]
    to_s = float(busy.max()) + 1 if busy.size else from_s
    if during == "n-1" and (down := run.window("fault:n-1")) is not None and down["to_s"]:
        return max(from_s, float(down["from_s"])), min(to_s, float(down["to_s"]))
    return from_s, to_s


def _measures(run: SavedRun, during: During) -> tuple[dict[str, float], dict[str, float]]:
    from_s, to_s = window_of(run, during)
    seconds = run.column("second")
    inside = np.flatnonzero((seconds >= from_s) & (seconds + 1 <= to_s))
    if inside.size < _SECONDS_MIN:
        return {}, {}
    measured = {
        name: float(np.nanmean(run.column(column)[inside]))
        for name, column in _RATES.items()
        if run.column(column).size
    }
    measured["connection"] = float(np.nanmean(run.column("connections")[inside]))
    measured = {name: value for name, value in measured.items() if math.isfinite(value)}
    rows = [
        row
        for name in ("vitals", _EXPORTED)
        for row in rows_between(run.directory, from_s, to_s, name)
    ]
    # What a process with a database reads and writes is not only traffic.
    with_files = {str(each["name"]) for each in _components(run.directory) if each.get("disk")}
    use = {
        key: value
        for key, value in _use(rows).items()
        if key not in {f"{name}/network_bytes" for name in with_files}
    }
    return measured, {**use, **_growth(rows)}


def rows_between(run: RunDir, from_s: float, to_s: float, name: str) -> list[dict[str, Any]]:
    """Return the rows of a journal in a part of the timeline; a row covers the second before it."""
    zero_ns = next((row["t_ns"] for row in run.read_events() if row.get("phase") == "ramp"), None)
    if zero_ns is None:
        return []
    low, high = zero_ns + (from_s + 1) * NS_PER_S, zero_ns + to_s * NS_PER_S
    rows = run_directory.read_jsonl(run.events / f"{name}.jsonl")
    return [row for row in rows if low <= row["t_ns"] <= high]


def _use(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return the mean use of each component and resource."""
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for resource, field in _FIELDS.items():
            for component, value in row.get(field, {}).items():
                values[f"{component}/{resource}"].append(float(value))
    return {key: sum(found) / len(found) for key, found in values.items()}


def _growth(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return by how many bytes each database grew in a second: the slope over all samples."""
    sizes: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        for name, size in row.get(_SIZES, {}).items():
            sizes[name].append((row["t_ns"] / NS_PER_S, float(size)))
    return {
        f"{name}/{_SIZES}": max(0.0, slope)
        for name, points in sizes.items()
        if math.isfinite(slope := _slope(np.array(points)))
    }


def _slope(points: Floats) -> float:
    if len(points) < _SECONDS_MIN:
        return math.nan
    x, y = points[:, 0] - points[:, 0].mean(), points[:, 1] - points[:, 1].mean()
    return float((x @ y) / (x @ x)) if float(x @ x) > 0 else math.nan


def tiers(run: RunDir) -> dict[str, str]:
    """Return the role of each component of the stack that a run booted."""
    return {str(row["name"]): str(row["role"]) for row in _components(run)}


def _components(run: RunDir) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (run.read_manifest().get("stack") or {}).get("components", [])
    return rows
