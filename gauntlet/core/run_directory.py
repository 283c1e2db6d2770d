"""The run directory: the only contract between load, faults and judgement.

Here are its layout, its name, and the ways its files are written, read and followed.
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
# Users, conversations and links of worker W are numbered from W times this, so that a number tells
# its worker.
NUMBERS_PER_WORKER = 1_000_000
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class RunDir:
    """Names and opens the files of one run; see `docs/reference/run-directory.md`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = path / "manifest.json"
        self.result = path / "result.json"
        self.live = path / "live.jsonl"
        self.links = path / "links.jsonl"
        self.events = path / "events"
        self.history = path / "history"
        self.latency = path / "latency"
        self.logs = path / "logs"
        self.report = path / "report.html"
        self.junit = path / "junit.xml"
        self.summary = path / "summary.md"

    @classmethod
    def create(cls, parent: Path, scenario: str, seed: int) -> "RunDir":
        """A new, empty run directory below `parent`."""
        return cls.make(parent / run_id(scenario, seed))

    @classmethod
    def make(cls, path: Path) -> "RunDir":
        """A new, empty run directory of this name."""
        run = cls(path)
        run.path.mkdir(parents=True)
        for folder in (run.events, run.history, run.latency, run.logs):
            folder.mkdir()
        return run

    @classmethod
    def open(cls, path: Path) -> "RunDir":
        """An existing run directory; ConfigError if it is none."""
        run = cls(path)
        if not run.manifest.is_file():
            msg = f"{path} is not a run directory: it has no manifest.json"
            raise ConfigError(msg)
        return run

    @property
    def id(self) -> str:
        """The directory's name."""
        return self.path.name

    def read_manifest(self) -> dict[str, Any]:
        """The manifest; HistoryError if it is damaged."""
        return _read_object(self.manifest)

    def read_result(self) -> dict[str, Any]:
        """The result; HistoryError if it is damaged."""
        return _read_object(self.result)

    def read_events(self) -> list[dict[str, Any]]:
        """Every writer's events in the order of their times; each names its `writer`."""
        rows = [
            {"writer": file.stem, **row}
            for file in sorted(self.events.glob("*.jsonl"))
            for row in read_jsonl(file)
        ]
        return sorted(rows, key=lambda row: int(row["t_ns"]))


class Journal:
    """One writer's `events/<writer>.jsonl`; its threads may share it.

    A row is on disk before `write` returns.
    """

    def __init__(self, run: RunDir, writer: str) -> None:
        self._lock = threading.Lock()
        self._file = (run.events / f"{writer}.jsonl").open("a", encoding="utf-8")

    def write(self, kind: str, *, t_ns: int | None = None, **fields: Any) -> None:
        """Append one row and sync it: what follows may kill us, and the row must tell of it."""
        row = {"t_ns": clock.now_ns() if t_ns is None else t_ns, "kind": kind, **fields}
        with self._lock:
            self._file.write(json.dumps(row, separators=(",", ":")) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; writing afterwards is an error."""
        self._file.close()


class Tail:
    """Follows a JSON-lines file that another process is writing; each complete row is read once.

    A file that does not exist yet counts as empty.
    """

    def __init__(self, file: Path) -> None:
        self.last: dict[str, Any] | None = None
        self._file = file
        self._offset = 0

    def read_new(self) -> list[dict[str, Any]]:
        """The rows completed since the last call; the last of them stays in `last`."""
        try:
            with self._file.open("rb") as stream:
                stream.seek(self._offset)
                chunk = stream.read()
        except FileNotFoundError:
            return []
        whole = chunk[: chunk.rfind(b"\n") + 1]
        self._offset += len(whole)
        rows: list[dict[str, Any]] = [json.loads(line) for line in whole.splitlines()]
        if rows:
            self.last = rows[-1]
        return rows


def run_id(scenario: str, seed: int) -> str:
    """`20261123T190501Z-tour-7-9f3c`: sorts by time, and is unique without coordination."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return f"{stamp}-{scenario}-{seed}-{secrets.token_hex(2)}"


def is_slug(text: str) -> bool:
    """Whether a name has 1 to 64 lower-case letters, digits and hyphens."""
    return SLUG.fullmatch(text) is not None


def read_jsonl(file: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSON-lines file. A torn last line (its writer was killed) is left out."""
    if not file.exists():
        return
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)


def write_json(file: Path, value: object) -> None:
    """Write a JSON file whole or not at all."""
    temporary = file.with_suffix(file.suffix + ".tmp")
    temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    temporary.replace(file)


def _read_object(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{file} cannot be read: {error}"
        raise HistoryError(msg) from error
    if not isinstance(value, dict):
        msg = f"{file} holds no object"
        raise HistoryError(msg)
    return value
