"""A worker's side of a run: it does what its master asks, and answers with what it recorded.

Where it shares the master's run directory it writes there. Elsewhere it writes into a folder of its
own, and gives its files away at the end.
"""

import dataclasses
import hashlib
import logging
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import gevent
import msgspec
from locust.runners import WorkerRunner

from gauntlet.core.errors import ConfigError, Exit
from gauntlet.core.run_directory import RunDir
from gauntlet.scenarios.distributed import file_transfer
from gauntlet.scenarios.distributed.worker_identity import Identity
from gauntlet.scenarios.engine import load_file
from gauntlet.scenarios.engine.engine import Engine
from gauntlet.scenarios.engine.load_file import LoadFile
from gauntlet.scenarios.locust_plugin.roles.rpc import Answerer, Data, WorkerError
from gauntlet.scenarios.locust_plugin.runtime.engine_thread import EngineThread
from gauntlet.scenarios.schedule.arrivals import Stripe

log = logging.getLogger(__name__)


class Part:
    """One worker's part in a load; `start`, `report` and `quit_with` are the bridge's.

    `report` sends the statistics that have not been sent yet: they go before the last answer.
    """

    def __init__(
        self,
        runner: WorkerRunner,
        ours: Identity,
        folder: str,
        start: Callable[[Engine], EngineThread],
        report: Callable[[], None],
        quit_with: Callable[[Exit], None],
    ) -> None:
        self._ours = ours
        self._folder = folder
        self._start = start
        self._report = report
        self._quit_with = quit_with
        self._worker = 0
        self._engine: Engine | None = None
        self._thread: EngineThread | None = None
        self._run: RunDir | None = None  # our own, where we share none
        self._answerer = Answerer(
            runner,
            {
                "who": self._who,
                "clock": lambda _: {},
                "prepare": self._prepare,
                "begin": self._begin,
                "drain": self._drain,
                "piece": self._piece,
                "release": self._release,
                "refuse": self._refused,
            },
        )
        self._answerer.tell("hello", self._who({}))

    def broke(self, thread: EngineThread) -> None:
        """Say that our engine has ended before its time."""
        said = {"message": thread.failure, "exit_code": int(thread.exit_code)}
        self._answerer.tell("broke", said)

    def _who(self, _: Data) -> Data:
        mine: Data = msgspec.to_builtins(self._ours)
        return mine

    def _refused(self, asked: Data) -> Data:
        log.error("%s", asked["message"])
        gevent.spawn_later(0, self._quit_with, Exit.CONFIG)  # the answer goes first
        return {}

    def _prepare(self, asked: Data) -> Data:
        shares = self._shares(asked)
        load = load_file.parse(asked["load"], "what the master sent")
        self._worker = asked["worker"]
        self._run = None if shares else self._folder_of(load)
        if self._run is not None:
            load = dataclasses.replace(load, run=self._run)
        stripe = Stripe(self._worker, asked["workers"])
        self._engine = Engine(load, stripe)
        return {"shares": shares}

    def _shares(self, asked: Data) -> bool:
        """Whether the master's run directory is ours too: the same clock, and the same file."""
        name, digest = asked["file"]
        if self._folder or asked["clock"] != self._ours.clock or not Path(name).is_file():
            return False
        same: bool = hashlib.sha256(Path(name).read_bytes()).hexdigest() == digest
        return same

    def _folder_of(self, load: LoadFile) -> RunDir:
        parent = Path(self._folder or tempfile.gettempdir())
        try:
            return RunDir.make(parent / f"{load.run.id}-w{self._worker}")
        except OSError as error:
            raise ConfigError(f"--im-folder {parent}: {error}") from error

    def _begin(self, asked: Data) -> Data:
        assert self._engine is not None
        self._engine.zero_ns = asked["zero_ns"]
        self._thread = self._start(self._engine)
        return {}

    def _drain(self, _: Data) -> Data:
        if self._thread is None:
            raise WorkerError("it has no load", Exit.HARNESS)
        self._thread.drain()
        self._report()
        if self._thread.exit_code:
            raise WorkerError(f"its engine broke: {self._thread.failure}", self._thread.exit_code)
        return {"files": file_transfer.manifest(self._run, self._worker) if self._run else []}

    def _piece(self, asked: Data) -> Data:
        if self._run is None:
            raise ConfigError("it shares the master's folder, and has nothing to send")
        where = asked["name"], asked["offset"], asked["length"]
        return {"bytes": file_transfer.read_chunk(self._run, self._worker, *where)}

    def _release(self, _: Data) -> Data:
        """The master has all of it, or has given us up."""
        if self._run is not None and not self._folder:
            shutil.rmtree(self._run.path, ignore_errors=True)
        self._run = self._thread = self._engine = None
        return {}
