"""The role of a Locust worker: it carries the part of a load that its master assigns to it.

A worker that shares the master's run directory writes there. Any other worker writes into a folder
of its own, whose files the master fetches at the end.
"""

import dataclasses
import hashlib
import logging
import os
import shutil
import tempfile
from pathlib import Path

import gevent
import msgspec
from locust.env import Environment
from locust.runners import WorkerRunner

from gauntlet.core import log_scrubber, run_directory
from gauntlet.core.errors import ConfigError, Exit
from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario.private import Private
from gauntlet.scenarios import library
from gauntlet.scenarios.adapters import package_version
from gauntlet.scenarios.distributed import file_transfer, worker_identity
from gauntlet.scenarios.distributed.worker_identity import Identity
from gauntlet.scenarios.engine import load_file
from gauntlet.scenarios.engine.engine import Engine, SecondStats
from gauntlet.scenarios.engine.load_file import LoadFile
from gauntlet.scenarios.locust_plugin import options
from gauntlet.scenarios.locust_plugin.im_client import IM
from gauntlet.scenarios.locust_plugin.roles.engine_host import EngineHost
from gauntlet.scenarios.locust_plugin.roles.rpc import Data, RpcServer, WorkerError
from gauntlet.scenarios.locust_plugin.runtime.engine_thread import EngineThread
from gauntlet.scenarios.locust_plugin.runtime.statistics import SECOND_MESSAGE, SecondReport
from gauntlet.scenarios.schedule.arrivals import Stripe

log = logging.getLogger(__name__)


class WorkerRole:
    """Acts on requests of the master; Locust's own events begin and end nothing here."""

    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        parsed_options = environment.parsed_options
        assert parsed_options is not None
        self._environment = environment
        self._runner = runner
        self._folder = str(parsed_options.im_folder)
        self._identity = _identity(str(parsed_options.scenario))
        self._engine_host = EngineHost(self._send_second, self._on_failure)
        self._number = 0
        self._engine: Engine | None = None
        self._thread: EngineThread | None = None
        self._own_run: RunDir | None = None  # None while the master's run directory is shared
        self._rpc = RpcServer(
            runner,
            {
                "who": self._who,
                "adapter": lambda request: {"version": package_version.version_of(request["name"])},
                "clock": lambda _: {},
                "prepare": self._prepare,
                "begin": self._begin,
                "drain": self._drain,
                "chunk": self._read_chunk,
                "release": self._release,
                "refuse": self._on_refused,
            },
        )
        self._rpc.notify("hello", self._who({}))

    # Locust's events.

    def prepare(self) -> None:
        """Nothing: the master requests the preparation when it has a load."""

    def start(self) -> None:
        """Nothing: the master requests the start."""

    def add_user(self) -> bool:
        """Connect one more user; return False if this worker has no load."""
        return self._engine_host.add_user()

    def add_scripted_user(self) -> IM | None:
        """Connect one more user whose tasks send; return None if this worker has no load."""
        return self._engine_host.add_scripted_user()

    def count_task_error(self, text: str) -> None:
        """Count an exception that a task has raised."""
        self._engine_host.count_task_error(text)

    def finish(self) -> None:
        """Nothing: the master requests the drain."""

    def interrupt(self) -> None:
        """End the engine immediately, if it still runs, and report its last seconds."""
        self._engine_host.abort()

    def export(self) -> None:
        """Nothing: the master writes the tables of all workers."""

    # Requests of the master.

    def _who(self, _: Data) -> Data:
        fields: Data = msgspec.to_builtins(self._identity)
        return fields

    def _on_refused(self, request: Data) -> Data:
        log.error("%s", request["message"])
        gevent.spawn_later(0, self._quit_with, Exit.CONFIG)  # after the answer has been sent
        return {}

    def _prepare(self, request: Data) -> Data:
        shares = self._shares_run_directory(request)
        run_directory.restrict_new_files()
        private = msgspec.convert(request.get("private"), Private | None)
        if private is not None:
            log_scrubber.install(private.values)
        load = load_file.parse(request["load"], "the load that the master sent", private)
        if load.dial and request["clock"] != self._identity.clock:
            raise ConfigError(
                "faults on links of clients need all workers on the host of the master, where the "
                "fault proxy listens on loopback"
            )
        self._number = request["worker"]
        self._own_run = None if shares else self._create_run(load)
        if self._own_run is not None:
            load = dataclasses.replace(load, run=self._own_run)
        self._engine = Engine(load, Stripe(self._number, request["workers"]))
        self._engine_host.prepare(self._engine)
        return {"shares": shares}

    def _shares_run_directory(self, request: Data) -> bool:
        """Whether the master's run directory is this worker's: same clock, same load file."""
        name, digest = request["file"]
        same_clock = request["clock"] == self._identity.clock
        if self._folder or not same_clock or not Path(name).is_file():
            return False
        same: bool = hashlib.sha256(Path(name).read_bytes()).hexdigest() == digest
        return same

    def _create_run(self, load: LoadFile) -> RunDir:
        parent = Path(self._folder or tempfile.gettempdir())
        try:
            return RunDir.make(parent / f"{load.run.id}-w{self._number}")
        except OSError as error:
            raise ConfigError(f"--im-folder {parent}: {error}") from error

    def _begin(self, request: Data) -> Data:
        assert self._engine is not None
        self._engine.zero_ns = request["zero_ns"]
        self._thread = self._engine_host.run(self._engine)
        return {}

    def _drain(self, _: Data) -> Data:
        thread = self._thread
        if thread is None:
            raise WorkerError("it has no load", Exit.HARNESS)
        thread.drain()
        self._engine_host.report_seconds()  # before the answer, after which nothing is expected
        if thread.exit_code:
            raise WorkerError(f"its engine failed: {thread.failure}", thread.exit_code)
        run = self._own_run
        return {"files": [] if run is None else file_transfer.manifest(run, self._number)}

    def _read_chunk(self, request: Data) -> Data:
        if self._own_run is None:
            raise ConfigError("it shares the master's run directory and has no files to send")
        chunk = file_transfer.read_chunk(
            self._own_run, self._number, request["name"], request["offset"], request["length"]
        )
        return {"bytes": chunk}

    def _release(self, _: Data) -> Data:
        """Delete the temporary files: the master has them, or has given up this worker."""
        if self._own_run is not None and not self._folder:
            shutil.rmtree(self._own_run.path, ignore_errors=True)
        self._own_run = self._thread = self._engine = None
        return {}

    # The engine's reports.

    def _send_second(self, second: SecondStats) -> None:
        self._runner.send_message(SECOND_MESSAGE, SecondReport.of(second).pack())

    def _on_failure(self, thread: EngineThread) -> None:
        data = {"message": thread.failure, "exit_code": int(thread.exit_code)}
        self._rpc.notify("engine-failed", data)
        self._quit_with(thread.exit_code)

    def _quit_with(self, code: Exit) -> None:
        """End this worker with an exit code, because it cannot do anything for the run."""
        self._environment.process_exit_code = int(code)
        self._runner.quit()


def _identity(scenario: str) -> Identity:
    """Return this worker's identity with its scenario, unless it was started without one."""
    file = os.environ.get(options.LOAD_VARIABLE, "")
    if file:
        return worker_identity.of_this_process(load_file.read_scenario(Path(file)))
    if scenario == options.DEFAULT_SCENARIO:
        return worker_identity.of_this_process()
    return worker_identity.of_this_process(library.find(scenario))
