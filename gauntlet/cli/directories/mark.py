"""`gauntlet mark`: tells a run when a fault that others make begins and ends."""

import argparse
import csv
import datetime as dt
from pathlib import Path
from typing import Any

from gauntlet.core import clock, run_directory
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.errors import ConfigError, Exit
from gauntlet.core.run_directory import Journal, RunDir
from gauntlet.core.scenario import model
from gauntlet.reports.damage import as_history_error

WRITER = "mark"
STEPS = ("begin", "end")
_COLUMNS = ("id", *STEPS)
_AWAY_YEARS = 100
_AWAY_NS = _AWAY_YEARS * 365 * 86_400 * NS_PER_S


def run(options: argparse.Namespace) -> int:
    """Add the time of a fault that others make to a run directory."""
    directory = RunDir.open(options.directory)
    if options.times is not None:
        return mark_file(directory, options.times)
    return mark_one(directory, options.id, options.step, options.at)


def mark_one(run: RunDir, fault: str | None, step: str | None, at: str | None) -> Exit:
    """Append one mark to the events of a run."""
    if fault is None or step is None:
        raise ConfigError("mark must be called with ID and begin or end, or with --times FILE")
    _write(run, [(fault, step, at)])
    return Exit.OK


def mark_file(run: RunDir, file: Path) -> Exit:
    """Append the marks of a CSV file, or none of them if it has an error."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"the file of times {file} cannot be read: {error}") from error
    marks: list[tuple[str, str, str | None]] = []
    for number, row in enumerate(rows, 2):
        if any(not row.get(column) for column in _COLUMNS):
            raise ConfigError(f"{file}:{number} must have the columns {', '.join(_COLUMNS)}")
        marks += [(row["id"], step, row[step]) for step in STEPS]
    if not marks:
        raise ConfigError(f"{file} must have rows below the header {','.join(_COLUMNS)}; got none")
    _write(run, marks)
    return Exit.OK


def _write(run: RunDir, marks: list[tuple[str, str, str | None]]) -> None:
    manifest = run.read_manifest()
    with as_history_error([run.path], "marked"):
        kinds = {fault.id: fault.kind for fault in _faults(manifest)}
        anchor = {name: int(manifest["clock"][name]) for name in ("monotonic_ns", "wall_ns")}
        zero_ns = _zero_ns(run)
    rows = []
    for fault, step, at in marks:
        if not run_directory.is_slug(fault):
            raise ConfigError(f"ID must be {run_directory.SLUG_FORM}; got {fault}")
        if kinds.get(fault, "observed") != "observed":
            raise ConfigError(
                f"ID must be that of an observed fault, or a new one; got {fault}, a fault of the "
                f"kind {kinds[fault]}, whose times the run records itself"
            )
        rows.append((_time_ns(at, anchor, zero_ns), fault, step))
    journal = Journal(run, WRITER)
    try:
        for t_ns, fault, step in rows:
            journal.write("mark", t_ns=t_ns, id=fault, step=step)
    finally:
        journal.close()
    for t_ns, fault, step in rows:
        place = "" if zero_ns is None else f" at {(t_ns - zero_ns) / NS_PER_S:.1f} s"
        print(f"{fault}: {step}{place}")
    if run.result.exists():
        print(f"The run is judged already; judge it again: gauntlet judge {run.path}")


def _faults(manifest: dict[str, Any]) -> list[model.Fault]:
    return model.from_builtins(manifest["scenario"]).faults


def _zero_ns(run: RunDir) -> int | None:
    """Return the zero of the timeline, None if the load has not begun."""
    rows = (row for row in run.read_events() if row["writer"].startswith("load"))
    return next((int(row["t_ns"]) for row in rows if row.get("phase") == "ramp"), None)


def _time_ns(text: str | None, anchor: dict[str, int], zero_ns: int | None) -> int:
    """Return a time on the clock of the run's host.

    The time of day is converted with the manifest's reading of both clocks, so that it means the
    same on another host, and after a restart of the host.
    """
    if text is None:
        moment_ns = clock.wall_anchor()["wall_ns"]
    else:
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError:
            return _on_timeline_ns(text, zero_ns)
        try:
            moment_ns = int(moment.timestamp() * NS_PER_S)  # without a zone, in that of this host
        except (ValueError, OverflowError):  # of the year 1, which has no such time everywhere
            moment_ns = -_AWAY_NS
        if abs(moment_ns - anchor["wall_ns"]) >= _AWAY_NS:
            raise ConfigError(f"a time must be within {_AWAY_YEARS} years of the run; got {text!r}")
    return anchor["monotonic_ns"] + moment_ns - anchor["wall_ns"]


def _on_timeline_ns(text: str, zero_ns: int | None) -> int:
    try:
        seconds = clock.parse_duration_s(text)
    except ValueError as error:
        raise ConfigError(
            "a time must be 12.5s on the timeline of the run, or a time of day such as "
            f"2026-11-28T19:05:01Z; got {text!r}"
        ) from error
    if zero_ns is None:
        raise ConfigError("the load has not begun, so there is no timeline yet; use a time of day")
    return zero_ns + int(seconds * NS_PER_S)
