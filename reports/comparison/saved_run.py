"""What a comparison reads of a run directory: no records, so that ten runs take little time."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gauntlet.core import labels, run_directory
from gauntlet.core.errors import ConfigError
from gauntlet.core.labels import Labels
from gauntlet.core.run_directory import SCHEMA_VERSION, RunDir
from gauntlet.reports.comparison.bootstrap import Floats
from gauntlet.reports.damage import DAMAGE

_REQUIRED = ("run", "verdict", "counts", "checks", "objectives", "faults", "windows", "latency")
_RESULT_BYTES_MAX = 256 * 2**20


@dataclass(frozen=True)
class SavedRun:
    """A judged run: its result, manifest, labels, and the CPU of its stack in each second."""

    name: str  # A, B, … in the order of the command line
    directory: RunDir
    result: dict[str, Any]
    manifest: dict[str, Any]
    labels: Labels
    stack_cores: Floats

    @property
    def trusted(self) -> str:
        """The status of the self-audit."""
        return str((self.result.get("self_audit") or {}).get("status", "not-recorded"))

    def window(self, name: str) -> dict[str, Any] | None:
        """Return a window of the run by its name."""
        return next((each for each in self.result["windows"] if each["name"] == name), None)

    def column(self, name: str) -> Floats:
        """Return a column of the series; a second without a value is NaN, an endless one inf."""
        return numbers(self.result["series"].get(name, []))

    def seconds_in(self, window: str) -> Floats:
        """Return the whole seconds of the timeline that lie in a window."""
        found = self.window(window)
        if found is None or found["from_s"] is None:
            return np.zeros(0)
        start = numbers(self.result["series"].get("second", []))
        end_s = math.inf if found["to_s"] is None else float(found["to_s"])
        inside = (start >= float(found["from_s"])) & (start + 1 <= end_s)
        for from_s, to_s in found["without"]:
            ends = math.inf if to_s is None else float(to_s)
            inside &= (start + 1 <= float(from_s)) | (start >= ends)
        return np.flatnonzero(inside).astype(np.float64)


def load(path: Path, name: str) -> SavedRun:
    """Return a run to compare.

    ConfigError if it is no judged run of this version; HistoryError if a file is damaged.
    """
    run = RunDir.open(path)
    if not run.result.exists():
        raise ConfigError(
            f"{path} has no result.json, so there is nothing to compare; judge it first: "
            f"gauntlet judge {path}"
        )
    if run.result.stat().st_size > _RESULT_BYTES_MAX:
        raise ConfigError(f"{run.result} must have at most {_RESULT_BYTES_MAX // 2**20} MiB")
    result, manifest = run.read_result(), run.read_manifest()
    for file, value in ((run.result, result), (run.manifest, manifest)):
        if (version := value.get("schema_version")) != SCHEMA_VERSION:
            raise ConfigError(
                f"{file} must have schema_version {SCHEMA_VERSION}; got {version!r:.40}. Compare "
                "runs with the version of Gauntlet that recorded them, or judge them again"
            )
    missing = [key for key in _REQUIRED if key not in result]
    if missing:
        raise ConfigError(f"{run.result} must have the key {missing[0]}, as judge writes it")
    result = {"series": {}, **result}
    found = SavedRun(name, run, result, manifest, labels.read(run), _stack_cores(run))
    try:
        _touch(found)
    except DAMAGE as error:
        raise ConfigError(
            f"{path} must have a result and a manifest as judge writes them; a part has another "
            f"form ({type(error).__name__}: {error})"
        ) from error
    return found


def numbers(values: list[Any]) -> Floats:
    """Return values of result.json as numbers: null is NaN, and "inf" is infinite."""
    return np.array([math.nan if value is None else float(value) for value in values])


def _touch(run: SavedRun) -> None:
    """Read all that the comparison reads, so that wrong types end here."""
    for key in ("status", "exit_code", "reasons"):
        run.result["verdict"][key]
    for key in ("scenario", "seed", "stack", "adapter"):
        run.result["run"][key]
    for window in run.result["windows"]:
        run.seconds_in(window["name"])
    lengths = {run.column(name).size for name in run.result["series"]}
    if len(lengths) > 1:
        raise ValueError("the columns of the series must be equally long")
    for kind in ("ack", "delivery", "lag") if run.result["counts"] else ():
        for row in run.result["latency"][kind].values():
            numbers([row[name] for name in ("p50", "p90", "p95", "p99", "p999", "max")])
            int(row["samples"])
    for check in run.result["checks"]:
        (str(check["id"]), str(check["verdict"]), int(check["count"]))
    for objective in run.result["objectives"]:
        numbers([objective["value"], objective["target"]])
        (str(objective["id"]), str(objective["verdict"]), str(objective["indicator"]))
    for fault in run.result["faults"]:
        (str(fault["id"]), numbers([fault["recovery_ms"]]))
    dict(run.manifest["scenario"]["load"])
    dict(run.manifest.get("machine") or {})


def _stack_cores(run: RunDir) -> Floats:
    rows = run_directory.read_jsonl(run.events / "vitals.jsonl")
    cores = [row["cores"].get("stack") for row in rows if isinstance(row.get("cores"), dict)]
    return np.array([float(each) for each in cores if isinstance(each, int | float)])
