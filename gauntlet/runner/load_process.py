"""Where the load comes from: a Locust that we start, or a Locust that started us."""

import json
import os
import secrets as random_tokens
import select
import subprocess
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from gauntlet.core import run_directory
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario import secrets
from gauntlet.core.scenario.model import Scenario, to_builtins
from gauntlet.core.scenario.private import Private
from gauntlet.core.scenario.traces import arrival_trace
from gauntlet.runner import private_values
from gauntlet.stacks import subprocesses
from gauntlet.stacks.free_port import HOST, free_port

FLUSH_GRACE_S = 15.0


class LoadSource(Protocol):
    """Runs the load that `load.json` in the run directory describes.

    `private` is what that file does not contain.
    """

    def start(self, run: RunDir, load_file: Path, private: Private) -> None: ...
    def ended(self) -> bool: ...
    def stop(self) -> None: ...
    @property
    def pid(self) -> int: ...


class ManagedLocust:
    """A headless Locust that runs as our child; its output goes to `logs/locust.log`."""

    def __init__(self, scenario: Scenario, workers: int = 1) -> None:
        self._load = scenario.load
        self._workers = workers
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, run: RunDir, load_file: Path, private: Private) -> None:
        """Start Locust; `GAUNTLET_LOAD` tells our locustfile which load to run.

        Locust reads `locust.conf` and `pyproject.toml` in its working directory, and imports from
        there. It therefore runs in the folder of our logs, where no file of the user is. Its
        own settings in environment variables (`LOCUST_…`) are for other runs of Locust.
        """
        pipe = private_values.open_pipe(private)
        with (run.logs / "locust.log").open("ab") as log:
            self._child = subprocesses.start(
                self._command(),
                stdout=log,
                stderr=log,
                cwd=run.logs,
                env={
                    **{name: None for name in os.environ if name.startswith("LOCUST_")},
                    "GAUNTLET_LOAD": str(load_file),
                    "GAUNTLET_PRIVATE_FD": str(pipe),
                    "PYTHONPATH": absolute_python_path(),
                },
                pass_fds=(pipe,),
            )
        os.close(pipe)

    def ended(self) -> bool:
        """Whether Locust has ended."""
        return self._child is not None and self._child.poll() is not None

    def stop(self) -> None:
        """Ask Locust to flush and end; kill it if it does not in time."""
        if self._child is not None:
            subprocesses.end(self._child, grace_s=FLUSH_GRACE_S)

    @property
    def pid(self) -> int:
        """The process of Locust: of the master, if there are workers."""
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
        """Options for a Locust master and its workers, which connect over loopback."""
        port = str(free_port())
        ports = ["--master-bind-port", port, "--master-port", port]
        return ["--processes", str(self._workers), "--master-bind-host", HOST, *ports]


class ExternalLocust:
    """The Locust that started us.

    It reads the path of the load file from our standard output, and closes our standard input when
    the load is over.
    """

    def start(self, run: RunDir, load_file: Path, private: Private) -> None:
        """Print the line that the parent waits for; standard output is a pipe to it."""
        del run
        line = {"load": str(load_file), "private": msgspec.to_builtins(private)}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def ended(self) -> bool:
        """Whether the parent has closed our standard input."""
        readable, _, _ = select.select([sys.stdin], [], [], 0)
        return bool(readable) and os.read(sys.stdin.fileno(), 4096) == b""

    def stop(self) -> None:
        """Do nothing: the parent ends by itself."""

    @property
    def pid(self) -> int:
        """The process of our parent."""
        return os.getppid()


def absolute_python_path() -> str:
    """PYTHONPATH with absolute entries, for a child that runs in another working directory.

    Empty entries, which would mean that directory, are dropped.
    """
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join(str(Path(entry).absolute()) for entry in entries if entry)


def trusting(scenario: Scenario, ca: str) -> Scenario:
    """Return the scenario of a load that trusts the CA of the booted system.

    What the scenario itself trusts takes precedence. `ca` is a path, or empty without TLS.
    """
    target = scenario.target
    if not ca or target.tls.ca is not None:
        return scenario
    return replace(scenario, target=replace(target, tls=replace(target.tls, ca=ca)))


def write_load_file(
    run: RunDir,
    scenario: Scenario,
    api: list[str],
    workers: int = 1,
    dial: Mapping[str, str] | None = None,
    traced_users: int = 0,
    tag: str | None = None,
) -> Path:
    """Write `load.json`, which holds everything that the load needs but the secrets.

    `dial` maps each `host:port` of the target that is behind a fault proxy to the proxy's. The
    first `traced_users` users of each worker are traced. `tag` is by default a new one.
    """
    folder = run.path.resolve()  # workers on this host may have another working directory
    file = folder / "load.json"
    recorded = arrival_trace.trace_of(scenario.load)
    plain: dict[str, Any] = {
        "scenario": secrets.redacted(to_builtins(scenario)),
        "run_dir": str(folder),
        "api": [secrets.redact_url(url) for url in api],
        "workers": workers,
        "dial": dict(dial or {}),
        "traced_users": traced_users,
        "trace": None if recorded is None else arrival_trace.to_builtins(recorded),
        "tag": new_tag(scenario) if tag is None else tag,
    }
    run_directory.write_json(file, plain)
    return file


def new_tag(scenario: Scenario) -> str:
    """Return the tag of a new run, which is empty if the system is started for the run.

    It makes message ids unique between runs: a system that already runs remembers the ids of
    earlier runs, and would answer equal ones as duplicates instead of storing them.
    """
    return f"{random_tokens.token_hex(4)}-" if scenario.target.stack == "external" else ""
