"""The run directory: the only interface between load, faults and judgement.

This module defines its layout and its name, and reads, writes and follows its files.
"""

import json
import os
import re
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gauntlet.core import clock
from gauntlet.core.errors import ConfigError, HistoryError

SCHEMA_VERSION = 1
# The users, conversations and links of worker W are numbered from W times this, so that numbers are
# unique in a run and identify the worker.
NUMBERS_PER_WORKER = 1_000_000
# Accounts that take no part in the load are numbered behind its users, from here on.
ACCOUNTS_FROM = 900_000
# In a history that others recorded: the user who wrote what no line sends.
UNKNOWN_SENDER = NUMBERS_PER_WORKER - 1
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
SLUG_FORM = "1 to 64 lower-case letters, digits and hyphens"


class RunDir:
    """The paths of one run's files, which `docs/reference/run-directory.md` describes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = path / "manifest.json"
        self.result = path / "result.json"
        self.live = path / "live.jsonl"
        self.links = path / "links.jsonl"
        self.cleaned = path / "clean.jsonl"
        self.labels = path / "labels.json"
        self.messages = path / "messages.jsonl"
        self.events = path / "events"
        self.history = path / "history"
        self.latency = path / "latency"
        self.logs = path / "logs"
        self.server = path / "server"
        self.report = path / "report.html"
        self.junit = path / "junit.xml"
        self.summary = path / "summary.md"

    @classmethod
    def create(cls, parent: Path, scenario: str, seed: int) -> "RunDir":
        """Create an empty run directory with a unique name below `parent`."""
        return cls.make(parent / run_id(scenario, seed))

    @classmethod
    def make(cls, path: Path) -> "RunDir":
        """Create an empty run directory at `path`, which must not exist."""
        run = cls(path)
        run.path.parent.mkdir(parents=True, exist_ok=True)
        for folder in (run.path, run.events, run.history, run.latency, run.logs):
            folder.mkdir(mode=0o700)
        return run

    @classmethod
    def open(cls, path: Path) -> "RunDir":
        """Return an existing run directory; ConfigError if `path` is not one.

        HistoryError if one of its folders is a symbolic link, which leads out of the run.
        """
        run = cls(path)
        if not run.manifest.is_file():
            raise ConfigError(f"{path} is not a run directory: it has no manifest.json")
        for folder in (run.events, run.history, run.latency, run.logs, run.server):
            if folder.is_symlink():
                raise HistoryError(f"{folder} must be a folder; got a symbolic link")
        return run

    @property
    def id(self) -> str:
        """The name of the directory."""
        return self.path.name

    def read_manifest(self) -> dict[str, Any]:
        """Return the manifest; HistoryError if it cannot be read."""
        return read_object(self.manifest)

    def read_result(self) -> dict[str, Any]:
        """Return the result; HistoryError if it cannot be read."""
        return read_object(self.result)

    def read_events(self) -> list[dict[str, Any]]:
        """Return the events of all writers in the order of `t_ns`, each with its `writer` added."""
        rows = [
            {"writer": file.stem, **_event(row, file)}
            for file in sorted(self.events.glob("*.jsonl"))
            for row in read_jsonl(file)
        ]
        return sorted(rows, key=lambda row: int(row["t_ns"]))


class Journal:
    """Appends rows to `events/<writer>.jsonl`; the threads of a process may share one journal."""

    def __init__(self, run: RunDir, writer: str) -> None:
        self._lock = threading.Lock()
        self._file = (run.events / f"{writer}.jsonl").open("a", encoding="utf-8")

    def write(self, kind: str, *, t_ns: int | None = None, **fields: Any) -> None:
        """Append one row, and return when it is on disk.

        What follows may end the process or the machine, and the row has to survive that.
        """
        row = {"t_ns": clock.now_ns() if t_ns is None else t_ns, "kind": kind, **fields}
        with self._lock:
            self._file.write(json.dumps(row, separators=(",", ":")) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; later writes raise ValueError."""
        self._file.close()


class Tail:
    """Follows a JSON-lines file that another process is writing; each complete row is read once.

    `last` is the latest row. A file that does not exist yet counts as empty.
    """

    def __init__(self, file: Path) -> None:
        self.last: dict[str, Any] | None = None
        self._file = file
        self._offset = 0

    def read_new(self) -> list[dict[str, Any]]:
        """Return the rows that were completed since the previous call."""
        try:
            with self._file.open("rb") as stream:
                stream.seek(self._offset)
                chunk = stream.read()
        except FileNotFoundError:
            return []
        complete = chunk[: chunk.rfind(b"\n") + 1]
        self._offset += len(complete)
        rows: list[dict[str, Any]] = [json.loads(line) for line in complete.splitlines()]
        if rows:
            self.last = rows[-1]
        return rows


def restrict_new_files() -> None:
    """From now on, let only this user read the files that this process and its children create."""
    os.umask(0o077)


def run_id(scenario: str, seed: int) -> str:
    """Return a unique name that sorts by time, such as `20261123T190501Z-tour-7-9f3c`."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return f"{stamp}-{scenario}-{seed}-{secrets.token_hex(2)}"


def is_slug(text: str) -> bool:
    """Return whether a name has 1 to 64 lower-case letters, digits and hyphens."""
    return SLUG.fullmatch(text) is not None


def read_jsonl(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a JSON-lines file, without a last line that its writer did not complete.

    A file that does not exist has no rows. HistoryError if a row is no JSON object, or if the file
    is a symbolic link or no regular file: a FIFO would block, and a link leads out of the run.
    """
    if not (file.exists() or file.is_symlink()):
        return
    require_regular(file)
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.endswith("\n"):
                    yield parse_row(line, f"{file}, line {number}")
    except (OSError, UnicodeDecodeError) as error:
        raise HistoryError(f"{file} cannot be read: {error}") from error


def complete_lines(file: Path) -> Iterator[bytes]:
    """Yield the lines that `read_jsonl` reads, for a decoder that is faster than that.

    HistoryError if the file cannot be read.
    """
    if not (file.exists() or file.is_symlink()):
        return
    require_regular(file)
    try:
        with file.open("rb") as lines:
            yield from (line for line in lines if line.endswith(b"\n"))
    except OSError as error:
        raise HistoryError(f"{file} cannot be read: {error}") from error


def read_object(file: Path) -> dict[str, Any]:
    """Return the JSON object of a file; HistoryError if it cannot be read or holds another."""
    require_regular(file)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise HistoryError(f"{file} cannot be read: {error}") from error
    return parse_row(text, str(file))


def write_json(file: Path, value: object) -> None:
    """Replace a JSON file as `replace` does."""
    replace(file, json.dumps(value, indent=2) + "\n")


def replace(file: Path, content: str | bytes) -> None:
    """Replace a file atomically: readers see the old content or the new one.

    A symbolic link or a FIFO of that name is replaced and not written to: a run directory can come
    from others, and a link can lead to any file of this user.
    """
    temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)  # on a full disk, what was written takes room
        raise


def _event(row: dict[str, Any], file: Path) -> dict[str, Any]:
    """Return a row of an event; HistoryError if it has no time or no kind."""
    if type(row.get("t_ns")) is not int or not isinstance(row.get("kind"), str):
        raise HistoryError(
            f"{file}: each row must have a number `t_ns` and a text `kind`; got {row}"
        )
    return row


def require_regular(file: Path) -> None:
    """Raise HistoryError unless the file is a regular one; nothing else is opened or followed."""
    if file.is_symlink() or (file.exists() and not file.is_file()):
        kind = "symbolic link" if file.is_symlink() else "special file or folder"
        raise HistoryError(f"{file} must be a regular file; got a {kind}")


def parse_row(text: str, where: str) -> dict[str, Any]:
    """Return a JSON object; HistoryError for all else, NaN and deep nesting included."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise HistoryError(f"{where}: the JSON is nested too deeply") from None
    except ValueError as error:
        raise HistoryError(f"{where} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise HistoryError(f"{where} must contain a JSON object; got {type(value).__name__}")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
