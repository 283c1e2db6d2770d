"""The master's side of a run on several workers: who takes part, from the first word to the last.

Nothing of it replaces Locust's master: workers connect to that, and it spreads users over them.
Here each gets its part of the load and one start of the timeline, and gives back what it recorded.
What happened to whom is written to `events/load-master.jsonl`.
"""

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import gevent
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner

from gauntlet.core import clock
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.errors import Exit, GauntletError
from gauntlet.core.run_directory import Journal
from gauntlet.scenarios.distributed import clock_sync, file_transfer
from gauntlet.scenarios.distributed.worker_identity import Identity
from gauntlet.scenarios.engine import load_file
from gauntlet.scenarios.engine.load_file import LoadFile
from gauntlet.scenarios.locust_plugin.roles.admission import WORD_TIMEOUT_S, Door
from gauntlet.scenarios.locust_plugin.roles.rpc import TELL, Asker, WorkerError
from gauntlet.scenarios.locust_plugin.roles.worker_state import Member, State

LEAD_NS = NS_PER_S // 4  # from the word to begin until the timeline's zero
EXCHANGES = 16
DRAIN_TIMEOUT_S = 90.0
_PREPARE_TIMEOUT_S = 30.0
_WATCH_S = 0.25
_TELL_BYTES = 32 * file_transfer.CHUNK_BYTES

log = logging.getLogger(__name__)


class Fleet:
    """All workers of a master; `end_run` is called where none of them can carry the load out."""

    def __init__(
        self,
        environment: Environment,
        runner: MasterRunner,
        ours: Identity,
        end_run: Callable[[Exit], None],
    ) -> None:
        self._runner = runner
        self._ours = ours
        self._end_run = end_run
        self._asker = Asker(runner)
        self._door = Door(runner, self._asker, ours, self._on_refused)
        self._parts: list[Member] = []
        self._load: LoadFile | None = None
        self._journal: Journal | None = None
        self._live: BinaryIO | None = None
        self._refused: list[str] = []
        self.zero_ns = 0  # of the timeline, while a load is under way
        runner.register_message(TELL, self._on_tell, concurrent=True)
        events: Any = environment.events
        events.heartbeat_sent.add_listener(self._on_heartbeat)

    def begin(self, file: Path, expected: int) -> None:
        """Give every worker its part and the common start, before any user is spawned."""
        load = self._load = load_file.read(file)
        self._parts = self._door.gather(load, expected)
        self._door.shut = True
        self._journal = Journal(load.run, "load-master")
        self._live = load.run.live.open("ab", buffering=0)
        for sentence in self._refused:
            self._journal.write("refused", message=sentence)
        for number, member in enumerate(self._parts):
            member.take_part(number)
            self._tell_of(member, "joined", f"{member} takes part")
        self._each(self._compare_clocks)
        content = file.read_bytes()
        common = {
            "load": json.loads(content),
            "file": [str(file), hashlib.sha256(content).hexdigest()],
            "workers": len(self._parts),
            "clock": self._ours.clock,
        }
        self._each(lambda member: self._prepare(member, common))
        self.zero_ns = clock.now_ns() + LEAD_NS
        self._journal.write("phase", t_ns=self.zero_ns, phase="ramp")
        self._each(self._let_go)
        gevent.spawn(self._watch)

    def drain(self) -> set[Exit]:
        """Have every worker end in order and give what it has. The codes of what went wrong."""
        self._each(self._end)
        self._each(lambda member: self._asker.tell(member.client, "release"))
        self.zero_ns, self._door.shut = 0, False
        self._refused.clear()
        for open_file in (self._journal, self._live):
            if open_file is not None:
                open_file.close()
        self._journal = self._live = None
        return {Exit.HARNESS for member in self._parts if member.state is not State.WHOLE}

    @property
    def all_lost(self) -> bool:
        """Whether nobody is left to carry on."""
        return all(member.state is State.LOST for member in self._parts)

    def ahead_ns(self, worker: int) -> int:
        """How much our monotonic clock is ahead of a worker's."""
        member = self._member(worker)
        return 0 if member is None else -member.offset.offset_ns

    def keep_row(self, row: dict[str, Any]) -> None:
        """A worker's live row: written here for one that cannot write into our run directory."""
        member = self._member(row["worker"])
        if self._live is not None and member is not None and not member.shares:
            kept = {**row, "t_ns": row["t_ns"] - member.offset.offset_ns}
            self._live.write(json.dumps(kept, separators=(",", ":")).encode() + b"\n")

    def _member(self, worker: int) -> Member | None:
        return next((member for member in self._parts if member.number == worker), None)

    def _on_refused(self, sentence: str) -> None:
        self._refused.append(sentence)
        self._write("refused", message=sentence)

    def _on_tell(self, environment: Environment, msg: Any, **_: Any) -> None:
        what, data = msg.data["what"], msg.data["data"]
        if what == "hello":
            self._door.meet(msg.node_id, data)
        elif what == "broke" and (member := self._door.known.get(msg.node_id)) is not None:
            self._on_broke(member, data)

    # The start.

    def _compare_clocks(self, member: Member) -> None:
        if member.identity.clock != self._ours.clock:
            asks = (
                self._asker.ask(member.client, "clock", within_s=WORD_TIMEOUT_S, gone=member.gone)
                for _ in range(EXCHANGES)
            )
            member.offset = clock_sync.estimate_offset(answer.exchange for answer in asks)
            log.info("%s.", member.clock_row()["message"])
        else:
            member.offset = clock_sync.ClockOffset(at_ns=clock.now_ns())
        self._write("clock", t_ns=member.offset.at_ns, **member.clock_row())

    def _prepare(self, member: Member, common: dict[str, Any]) -> None:
        data = {**common, "worker": member.number}
        answer = self._asker.ask(member.client, "prepare", data, within_s=_PREPARE_TIMEOUT_S)
        member.shares = answer.data["shares"]

    def _let_go(self, member: Member) -> None:
        zero_ns = self.zero_ns + member.offset.offset_ns
        data = {"zero_ns": zero_ns}
        self._asker.ask(member.client, "begin", data, within_s=WORD_TIMEOUT_S)
        member.state = State.RUNNING

    def _each(self, act: Callable[[Member], None]) -> None:
        """Do something with all workers at once; the first error is raised when all are done."""
        jobs = [gevent.spawn(_attempt, act, member) for member in self._parts]
        gevent.joinall(jobs)
        for member, job in zip(self._parts, jobs, strict=True):
            if job.value is not None:
                raise WorkerError(f"{member}: {job.value}", job.value.exit_code)

    # While it runs.

    def _on_heartbeat(self, client_id: str, **_: Any) -> None:
        member = self._door.known.get(client_id)
        if member is not None:
            member.heard_ns = clock.now_ns()

    def _watch(self) -> None:
        while self.zero_ns:
            for member in self._parts:
                node = self._runner.clients.get(member.client)
                silent = node is None or node.state == STATE_MISSING
                if silent and member.state is State.RUNNING:
                    self._lose(member, "", member.heard_ns)
                elif not silent and member.state is State.LOST and not member.broken:
                    member.state = State.RUNNING
                    self._tell_of(member, "back", f"{member} is back")
            gevent.sleep(_WATCH_S)

    def _on_broke(self, member: Member, data: dict[str, Any]) -> None:
        member.broken = True
        self._lose(member, data["message"])
        if data["exit_code"] == Exit.CONFIG:  # it would be the same everywhere
            self._end_run(Exit.CONFIG)

    def _lose(self, member: Member, why: str, t_ns: int | None = None) -> None:
        if member.state is State.LOST:
            return
        member.state = State.LOST
        at_s = ((t_ns or clock.now_ns()) - self.zero_ns) / NS_PER_S
        sentence = f"{member} was lost at {max(0.0, at_s):.1f} s"
        self._tell_of(member, "lost", f"{sentence}: {why}" if why else sentence)

    def _tell_of(self, member: Member, step: str, sentence: str) -> None:
        (log.error if step == "lost" else log.info)("%s.", sentence)
        self._write("worker", step=step, message=sentence, **member.row())

    def _write(self, kind: str, *, t_ns: int | None = None, **fields: Any) -> None:
        if self._journal is not None:
            self._journal.write(kind, t_ns=t_ns, **fields)

    # The end.

    def _end(self, member: Member) -> None:
        """Drain one worker, and bring its part home. What fails makes it a lost one."""
        if member.state is not State.RUNNING:
            return
        try:
            answer = self._asker.ask(
                member.client, "drain", within_s=DRAIN_TIMEOUT_S, gone=member.gone
            )
            if not member.shares:
                self._compare_clocks(member)
                self._bring_home(member, answer.data["files"])
        except GauntletError as error:
            self._lose(member, str(error))
        else:
            member.state = State.WHOLE
            self._tell_of(member, "whole", f"{member} has ended in order")

    def _bring_home(self, member: Member, files: list[list[Any]]) -> None:
        assert self._load is not None
        declared = [file_transfer.ManifestEntry(*file) for file in files]

        def fetch(name: str, offset: int, length: int) -> bytes:
            where = {"name": name, "offset": offset, "length": length}
            answer = self._asker.ask(
                member.client, "piece", where, within_s=DRAIN_TIMEOUT_S, gone=member.gone
            )
            if offset % _TELL_BYTES == 0:
                self._write("shipping", worker=member.number, file=name, offset=offset)
            piece: bytes = answer.data["bytes"]
            return piece

        taken = file_transfer.receive(self._load.run, member.number, declared, fetch)
        log.info("%s sent its part: %d files, %d bytes.", member, len(declared), taken)


def _attempt(act: Callable[[Member], None], member: Member) -> GauntletError | None:
    """What went wrong: a greenlet's own error would be printed with its traceback."""
    try:
        act(member)
    except GauntletError as error:
        return error
    return None
