"""Lists the runs of a folder, with their verdicts and labels."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from gauntlet.core import labels, run_lock
from gauntlet.core.errors import ConfigError, HistoryError
from gauntlet.core.labels import Labels
from gauntlet.core.run_directory import RunDir

# A run without a result that wrote something more recently than this counts as running, also where
# the file system has no locks.
_QUIET_S = 60.0

State = Literal["judged", "running", "unfinished", "unreadable"]


class Entry(NamedTuple):
    """A run directory as a list shows it.

    `status` is that of the verdict and `numbers` the status of the self-audit; both are empty
    without a result. `problem` says why a run is unreadable.
    """

    path: Path
    state: State
    scenario: str = ""
    seed: int | None = None
    started_ns: int | None = None
    status: str = ""
    numbers: str = ""
    labels: Labels = {}  # noqa: RUF012 - a field of a named tuple, which is never changed
    size_bytes: int = 0
    problem: str = ""

    def has(self, wanted: Labels) -> bool:
        """Return whether a run has all of these labels; one without a value must be absent."""
        return all(self.labels.get(key, "") == value for key, value in wanted.items())


def entries(folder: Path) -> list[Entry]:
    """Return the runs directly below a folder, the newest first; symbolic links are not followed.

    ConfigError if the folder cannot be read.
    """
    try:
        found = [
            Path(each.path) for each in os.scandir(folder) if each.is_dir(follow_symlinks=False)
        ]
    except OSError as error:
        raise ConfigError(
            f"--out must be a folder with runs; got {folder} ({error.strerror})"
        ) from error
    listed = [_entry(path) for path in found if os.path.lexists(path / "manifest.json")]
    return sorted(listed, key=lambda entry: (entry.started_ns or 0, entry.path.name), reverse=True)


def is_running(path: Path) -> bool:
    """Return whether a run may still be going on."""
    return not run_lock.is_free(path) or is_being_written(path)


def is_being_written(path: Path) -> bool:
    """Return whether a run has no result yet, and something was written to it a moment ago."""
    if (path / "result.json").exists():
        return False
    return time.time() - max(_written_s(path), default=0.0) < _QUIET_S


def _entry(path: Path) -> Entry:
    run, size = RunDir(path), sum(status.st_size for status in _files(path))
    running = is_running(path)
    try:
        manifest, labelled = run.read_manifest(), labels.read(run)
        result = run.read_result() if os.path.lexists(run.result) else {}
        return Entry(
            path,
            "running" if running else "judged" if result else "unfinished",
            _text(manifest["scenario"], "name"),
            _number(manifest, "seed"),
            _number(manifest["clock"], "wall_ns"),
            _text(result["verdict"], "status") if result else "",
            _text(result.get("self_audit") or {}, "status"),
            labelled,
            size,
        )
    except HistoryError as error:
        problem = str(error)
    except (KeyError, TypeError, AttributeError):
        problem = f"{path} must have a manifest and a result of this version of Gauntlet"
    return Entry(path, "running" if running else "unreadable", size_bytes=size, problem=problem)


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key, "")
    if not isinstance(value, str):
        raise TypeError(key)
    return value


def _number(row: dict[str, Any], key: str) -> int | None:
    value = row.get(key)
    if value is not None and type(value) is not int:
        raise TypeError(key)
    return value


def _files(path: Path) -> Iterator[os.stat_result]:
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                yield (Path(folder) / name).lstat()
            except FileNotFoundError:  # a run that goes on replaces files
                continue


def _written_s(path: Path) -> Iterator[float]:
    yield path.stat().st_mtime
    yield from (status.st_mtime for status in _files(path))
