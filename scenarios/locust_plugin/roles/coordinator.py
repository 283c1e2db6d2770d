"""How a master coordinates its workers: assign parts, start together, watch, drain, collect.

It does not replace Locust's master: workers connect to that, and it distributes users over them.
Here each worker receives its part of the load and the common start of the timeline, and delivers
what it recorded. What happened to which worker is written to `events/load-master.jsonl`.
"""

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import gevent
import msgspec
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner

from gauntlet.core import clock
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.errors import Exit, GauntletError
from gauntlet.core.run_directory import Journal
from gauntlet.core.scenario import accounts
from gauntlet.core.scenario.private import Private
from gauntlet.scenarios.distributed import clock_sync, file_transfer
from gauntlet.scenarios.distributed.worker_identity import Identity
from gauntlet.scenarios.engine import load_file
from gauntlet.scenarios.engine.load_file import LoadFile
from gauntlet.scenarios.locust_plugin.roles.admission import ANSWER_TIMEOUT_S, Admission
from gauntlet.scenarios.locust_plugin.roles.rpc import NOTIFY, RpcClient, WorkerError
from gauntlet.scenarios.locust_plugin.roles.worker_state import Progress, WorkerState

START_LEAD_NS = NS_PER_S // 4  # from the request to begin until the zero of the timeline
CLOCK_EXCHANGES = 16
DRAIN_TIMEOUT_S = 90.0
_PREPARE_TIMEOUT_S = 600.0  # accounts and rooms may have to be created first
_WATCH_S = 0.25
_TRANSFER_ROW_BYTES = 32 * file_transfer.CHUNK_BYTES  # one journal row for so many bytes of a file

log = logging.getLogger(__name__)


class MasterCoordinator:
    """All workers of a master.

    `end_run` is called with an exit code if no worker can carry out the load. `zero_ns` is the zero
    of the timeline while a load is under way, otherwise 0.
    """

    def __init__(
        self,
        environment: Environment,
        runner: MasterRunner,
        identity: Identity,
        end_run: Callable[[Exit], None],
    ) -> None:
        self._runner = runner
        self._identity = identity
        self._end_run = end_run
        self._rpc = RpcClient(runner)
        self._admission = Admission(runner, self._rpc, identity, self._on_refused)
        self._workers: list[WorkerState] = []
        self._load: LoadFile | None = None
        self._journal: Journal | None = None
        self._live: BinaryIO | None = None
        self._refusals: list[str] = []
        self.zero_ns = 0
        runner.register_message(NOTIFY, self._on_notification, concurrent=True)
        events: Any = environment.events
        events.heartbeat_sent.add_listener(self._on_heartbeat)

    def begin(
        self, file: Path, expected: int, private: Private | None = None, *, share: bool = False
    ) -> int:
        """Begin a load on at least `expected` workers, before any user is spawned.

        `private` is what the load file does not contain; only with `share` is it sent to other
        hosts, because the connection to them is not encrypted.

        Returns the zero of the timeline on the master's clock. Raises ConfigError if too few
        workers are ready, and WorkerError if one of them fails.
        """
        load = self._load = load_file.read(file, private)
        self._workers = self._admission.wait_for_workers(load, expected)
        self._admission.closed = True
        self._journal = Journal(load.run, "load-master")
        self._live = load.run.live.open("ab", buffering=0)
        for sentence in self._refusals:
            self._journal.write("refused", message=sentence)
        count = len(self._workers)
        accounts.check_count(load.scenario.accounts, load.scenario.load.users, count)
        for number, worker in enumerate(self._workers):
            worker.assign(number)
            self._report(worker, "joined", f"{worker} takes part")
        self._for_each(self._compare_clocks)
        content = file.read_bytes()
        common = {
            "load": json.loads(content),
            "file": [str(file), hashlib.sha256(content).hexdigest()],
            "workers": count,
            "clock": self._identity.clock,
        }
        self._for_each(lambda worker: self._prepare(worker, common, private, share=share))
        self.zero_ns = clock.now_ns() + START_LEAD_NS
        self._journal.write("phase", t_ns=self.zero_ns, phase="ramp")
        self._for_each(self._start)
        gevent.spawn(self._watch)
        return self.zero_ns

    def drain(self) -> set[Exit]:
        """End every worker in order and collect what it recorded; return the codes of failures."""
        self._for_each(self._drain)
        self._for_each(lambda worker: self._rpc.try_call(worker.client_id, "release"))
        self.zero_ns, self._admission.closed = 0, False
        self._refusals.clear()
        for open_file in (self._journal, self._live):
            if open_file is not None:
                open_file.close()
        self._journal = self._live = None
        incomplete = any(worker.progress is not Progress.COMPLETE for worker in self._workers)
        return {Exit.HARNESS} if incomplete else set()

    @property
    def all_refused(self) -> bool:
        """Whether workers were refused before a load, and no other one has been admitted."""
        return not self.zero_ns and bool(self._refusals) and not self._admission.admitted

    @property
    def all_lost(self) -> bool:
        """Whether no worker is left that could carry on the load."""
        return all(worker.is_lost() for worker in self._workers)

    def ahead_ns(self, number: int) -> int:
        """Return how far the master's monotonic clock is ahead of a worker's."""
        worker = self._worker(number)
        return 0 if worker is None else -worker.offset.offset_ns

    def write_live_row(self, row: dict[str, Any]) -> None:
        """Write a worker's live row for it, if it cannot write into the master's run directory."""
        worker = self._worker(row["worker"])
        if self._live is not None and worker is not None and not worker.writes_here:
            converted = {**row, "t_ns": row["t_ns"] - worker.offset.offset_ns}
            self._live.write(json.dumps(converted, separators=(",", ":")).encode() + b"\n")

    def _worker(self, number: int) -> WorkerState | None:
        return next((worker for worker in self._workers if worker.number == number), None)

    def _on_refused(self, sentence: str) -> None:
        self._refusals.append(sentence)
        self._write("refused", message=sentence)

    def _on_notification(self, environment: Environment, msg: Any, **_: Any) -> None:
        what, data = msg.data["what"], msg.data["data"]
        if what == "hello":
            self._admission.register(msg.node_id, data)
        elif (
            what == "engine-failed"
            and (worker := self._admission.admitted.get(msg.node_id)) is not None
        ):
            self._on_failed(worker, data)

    # The start.

    def _compare_clocks(self, worker: WorkerState) -> None:
        if worker.identity.clock != self._identity.clock:
            answers = (
                self._rpc.call(
                    worker.client_id, "clock", within_s=ANSWER_TIMEOUT_S, is_lost=worker.is_lost
                )
                for _ in range(CLOCK_EXCHANGES)
            )
            worker.offset = clock_sync.estimate_offset(answer.exchange for answer in answers)
            log.info("%s.", worker.clock_row()["message"])
        else:
            worker.offset = clock_sync.ClockOffset(at_ns=clock.now_ns())
        self._write("clock", t_ns=worker.offset.at_ns, **worker.clock_row())

    def _prepare(
        self,
        worker: WorkerState,
        common: dict[str, Any],
        private: Private | None,
        *,
        share: bool,
    ) -> None:
        data = {**common, "worker": worker.number}
        here = worker.identity.network == self._identity.network
        if private is not None and here:
            data["private"] = msgspec.to_builtins(private)
        elif private is not None and share:
            data["private"] = msgspec.to_builtins(self._with_accounts(private, worker))
        answer = self._rpc.call(
            worker.client_id,
            "prepare",
            data,
            within_s=_PREPARE_TIMEOUT_S,
            is_lost=lambda: self._is_silent(worker),
        )
        worker.writes_here = answer.data["shares"]

    def _with_accounts(self, private: Private, worker: WorkerState) -> Private:
        """Return what is private with a worker's share of the file of accounts, if there is one."""
        assert self._load is not None
        scenario = self._load.scenario
        if scenario.accounts is None or not scenario.accounts.file:
            return private
        first, count = accounts.share(worker.number, len(self._workers), scenario.load.users)
        rows = accounts.read(Path(scenario.accounts.file), scenario.accounts.columns)
        return msgspec.structs.replace(private, accounts=rows[first : first + count])

    def _start(self, worker: WorkerState) -> None:
        data = {"zero_ns": self.zero_ns + worker.offset.offset_ns}
        self._rpc.call(worker.client_id, "begin", data, within_s=ANSWER_TIMEOUT_S)
        worker.progress = Progress.RUNNING

    def _for_each(self, action: Callable[[WorkerState], None]) -> None:
        """Act on all workers concurrently; the first error is raised when all have finished."""
        jobs = [gevent.spawn(_attempt, action, worker) for worker in self._workers]
        gevent.joinall(jobs)
        for worker, job in zip(self._workers, jobs, strict=True):
            if job.value is not None:
                raise WorkerError(f"{worker}: {job.value}", job.value.exit_code)

    # While the load runs.

    def _on_heartbeat(self, client_id: str, **_: Any) -> None:
        worker = self._admission.admitted.get(client_id)
        if worker is not None:
            worker.last_heartbeat_ns = clock.now_ns()

    def _watch(self) -> None:
        while self.zero_ns:
            for worker in self._workers:
                silent = self._is_silent(worker)
                if silent and worker.progress is Progress.RUNNING:
                    self._lose(worker, "", worker.last_heartbeat_ns)
                elif not silent and worker.is_lost() and not worker.failed:
                    worker.progress = Progress.RUNNING
                    self._report(worker, "back", f"{worker} is back")
            gevent.sleep(_WATCH_S)

    def _is_silent(self, worker: WorkerState) -> bool:
        node = self._runner.clients.get(worker.client_id)
        return node is None or node.state == STATE_MISSING

    def _on_failed(self, worker: WorkerState, data: dict[str, Any]) -> None:
        worker.failed = True
        self._lose(worker, data["message"])
        if data["exit_code"] == Exit.CONFIG:  # every other worker would fail in the same way
            self._end_run(Exit.CONFIG)

    def _lose(self, worker: WorkerState, reason: str, t_ns: int | None = None) -> None:
        if worker.is_lost():
            return
        worker.progress = Progress.LOST
        at_s = ((t_ns or clock.now_ns()) - self.zero_ns) / NS_PER_S
        sentence = f"{worker} was lost at {max(0.0, at_s):.1f} s"
        self._report(worker, "lost", f"{sentence}: {reason}" if reason else sentence)

    def _report(self, worker: WorkerState, step: str, sentence: str) -> None:
        (log.error if step == "lost" else log.info)("%s.", sentence)
        self._write("worker", step=step, message=sentence, **worker.row())

    def _write(self, kind: str, *, t_ns: int | None = None, **fields: Any) -> None:
        if self._journal is not None:
            self._journal.write(kind, t_ns=t_ns, **fields)

    # The end.

    def _drain(self, worker: WorkerState) -> None:
        """Drain one worker and collect its files; a worker with which this fails counts as lost."""
        if worker.progress is not Progress.RUNNING:
            return
        try:
            answer = self._rpc.call(
                worker.client_id, "drain", within_s=DRAIN_TIMEOUT_S, is_lost=worker.is_lost
            )
            if not worker.writes_here:
                self._compare_clocks(worker)
                self._collect_files(worker, answer.data["files"])
        except GauntletError as error:
            self._lose(worker, str(error))
        else:
            worker.progress = Progress.COMPLETE
            self._report(worker, "whole", f"{worker} has ended in order")

    def _collect_files(self, worker: WorkerState, files: list[list[Any]]) -> None:
        assert self._load is not None
        manifest = [file_transfer.ManifestEntry(*file) for file in files]

        def fetch(name: str, offset: int, length: int) -> bytes:
            request = {"name": name, "offset": offset, "length": length}
            answer = self._rpc.call(
                worker.client_id,
                "chunk",
                request,
                within_s=DRAIN_TIMEOUT_S,
                is_lost=worker.is_lost,
            )
            if offset % _TRANSFER_ROW_BYTES == 0:
                self._write("shipping", worker=worker.number, file=name, offset=offset)
            chunk: bytes = answer.data["bytes"]
            return chunk

        size_bytes = file_transfer.receive(self._load.run, worker.number, manifest, fetch)
        log.info("%s sent its part: %d files, %d bytes.", worker, len(manifest), size_bytes)


def _attempt(action: Callable[[WorkerState], None], worker: WorkerState) -> GauntletError | None:
    """Return the error instead of raising it: gevent prints a greenlet's error with a traceback."""
    try:
        action(worker)
    except GauntletError as error:
        return error
    return None
