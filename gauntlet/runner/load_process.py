"""Where the load comes from: a Locust child of ours, or a Locust that started us."""

import os
import secrets
import select
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from gauntlet.core import run_directory
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario import arrival_trace
from gauntlet.core.scenario.model import Scenario, to_builtins
from gauntlet.core.tail import Tail
from gauntlet.stacks import subprocesses
from gauntlet.stacks.free_port import HOST, free_port

FLUSH_GRACE_S = 15.0
_NEWS = ("lost", "back")  # steps of a worker that a person should hear of at once


class LoadSource(Protocol):
    """Something that runs the load of a run directory's `load.json`."""

    def start(self, run: RunDir, load_file: Path) -> None: ...
    def ended(self) -> bool: ...
    def stop(self) -> None: ...
    @property
    def pid(self) -> int: ...


class LocustChild:
    """Locust, headless, as a child; its own output goes to `logs/locust.log`."""

    def __init__(self, scenario: Scenario, workers: int = 1) -> None:
        self._load = scenario.load
        self._workers = workers
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, run: RunDir, load_file: Path) -> None:
        """Start Locust; it finds everything else through `GAUNTLET_LOAD`."""
        with (run.logs / "locust.log").open("ab") as log:
            self._child = subprocesses.start(
                self._command(), stdout=log, stderr=log, env={"GAUNTLET_LOAD": str(load_file)}
            )

    def ended(self) -> bool:
        """Whether Locust has ended."""
        return self._child is not None and self._child.poll() is not None

    def stop(self) -> None:
        """Ask Locust to flush what it has and end; insist after a while."""
        if self._child is not None:
            subprocesses.end(self._child, grace_s=FLUSH_GRACE_S)

    @property
    def pid(self) -> int:
        """Locust's process: the master's, where there are workers below it."""
        assert self._child is not None
        return self._child.pid

    def _command(self) -> list[str]:
        entry = files("gauntlet.scenarios") / "locust_plugin" / "entry.py"
        spawn_rate = self._load.users / max(self._load.ramp, 1.0)
        return [
            *subprocesses.python("locust", "-f", str(entry), "--headless", "--only-summary"),
            *("-u", str(self._load.users), "-r", f"{spawn_rate:.3f}"),
            *("--run-time", f"{self._load.duration_s:.0f}s"),
            *(self._on_workers() if self._workers > 1 else ()),
        ]

    def _on_workers(self) -> list[str]:
        """Locust's own master and workers, which meet on loopback."""
        port = str(free_port())
        ports = ["--master-bind-port", port, "--master-port", port]
        return ["--processes", str(self._workers), "--master-bind-host", HOST, *ports]


class ParentLocust:
    """The Locust that started us: told where to look on stdout, done when it closes our stdin."""

    def start(self, run: RunDir, load_file: Path) -> None:
        """Print the one line that the parent waits for."""
        del run
        sys.stdout.write(f'{{"load": "{load_file}"}}\n')
        sys.stdout.flush()

    def ended(self) -> bool:
        """Whether the parent has closed our standard input."""
        readable, _, _ = select.select([sys.stdin], [], [], 0)
        return bool(readable) and os.read(sys.stdin.fileno(), 4096) == b""

    def stop(self) -> None:
        """Nothing: the parent ends by itself."""

    @property
    def pid(self) -> int:
        """Our parent's process."""
        return os.getppid()


def write_load_file(run: RunDir, scenario: Scenario, api: list[str], workers: int = 1) -> Path:
    """`load.json`: all that the load needs to know, on whatever host; a trace is part of it.

    A living system remembers earlier runs: equal ids would be answered as copies, and not stored.
    """
    folder = run.path.resolve()  # workers of this host may be started elsewhere
    file = folder / "load.json"
    recorded = arrival_trace.of(scenario.load)
    plain: dict[str, Any] = {
        "scenario": to_builtins(scenario),
        "run_dir": str(folder),
        "api": api,
        "workers": workers,
        "trace": None if recorded is None else recorded._asdict(),
        "tag": f"{secrets.token_hex(4)}-" if scenario.target.stack == "external" else "",
    }
    run_directory.write_json(file, plain)
    return file


class Phases:
    """Follows what the load's processes write into their journals.

    A phase has begun when the first of them is in it; `ramp`, the timeline's zero, is one moment
    for all of them. `clocks` are the last known offsets of workers' clocks, `words` what became of
    workers since they were last taken.
    """

    def __init__(self, run: RunDir) -> None:
        self._folder = run.events
        self._tails: dict[Path, Tail] = {}
        self.seen: dict[str, int] = {}
        self.reconciled = False
        self.clocks: dict[int, dict[str, Any]] = {}
        self.words: list[str] = []
        self.rows = 0

    def poll(self) -> list[str]:
        """The phases that began since the last call."""
        fresh = []
        for row in self._new_rows():
            self.rows += 1
            if row["kind"] == "phase" and row["phase"] not in self.seen:
                self.seen[row["phase"]] = row["t_ns"]
                fresh.append(row["phase"])
            elif row["kind"] == "clock":
                if row["error_ns"] and row["worker"] not in self.clocks:
                    self.words.append(row["message"])
                self.clocks[row["worker"]] = row
            elif row["kind"] == "refused" or (row["kind"] == "worker" and row["step"] in _NEWS):
                self.words.append(row["message"])
            self.reconciled |= row["kind"] == "reconciliation"
        return fresh

    def _new_rows(self) -> Iterator[dict[str, Any]]:
        for file in sorted(self._folder.glob("load-*.jsonl")):
            yield from self._tails.setdefault(file, Tail(file)).read_new()
