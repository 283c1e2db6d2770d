"""Which workers a master admits to a run; all others are refused with a reason.

Locust itself accepts every worker that connects. A refused worker receives the reason and quits, so
that it has left Locust's list before users are distributed over it. Before the first start it is
removed from the list before it quits, because a headless Locust ends when its last worker quits,
even if others are about to connect.
"""

import logging
from collections.abc import Callable
from typing import Any

import gevent
import msgspec
from locust.runners import MasterRunner

from gauntlet.core.errors import ConfigError, GauntletError
from gauntlet.core.hosts import is_loopback_url
from gauntlet.scenarios.adapters import package_version
from gauntlet.scenarios.distributed import worker_identity
from gauntlet.scenarios.distributed.worker_identity import Identity
from gauntlet.scenarios.engine.load_file import LoadFile
from gauntlet.scenarios.locust_plugin.roles.rpc import RpcClient
from gauntlet.scenarios.locust_plugin.roles.worker_state import WorkerState

ANSWER_TIMEOUT_S = 5.0
_WAIT_TIMEOUT_S = 10.0
_POLL_S = 0.05

log = logging.getLogger(__name__)


class Admission:
    """The admitted workers, by their id in Locust.

    While `closed`, no new worker is admitted. `on_refused` receives a sentence for each refusal.
    """

    def __init__(
        self,
        runner: MasterRunner,
        rpc: RpcClient,
        identity: Identity,
        on_refused: Callable[[str], None],
    ) -> None:
        self._runner = runner
        self._rpc = rpc
        self._identity = identity
        self._on_refused = on_refused
        self.admitted: dict[str, WorkerState] = {}
        self.closed = False
        self._started = False  # from the first start on, Locust distributes users over its list

    def register(self, client_id: str, introduction: dict[str, Any]) -> None:
        """Admit or refuse a worker that has sent its identity."""
        try:
            identity = msgspec.convert(introduction, Identity)
        except msgspec.ValidationError as error:
            reason = f"it does not identify itself: {error}"
            self._refuse(client_id, f"The worker {client_id}", reason)
            return
        is_new = client_id not in self.admitted
        late = "it came after the start" if self.closed and is_new else ""
        if reason := worker_identity.mismatch(identity, self._identity) or late:
            self._refuse(client_id, _describe(identity), reason)
        elif is_new:
            self.admitted[client_id] = WorkerState(client_id, identity)

    def wait_for_workers(self, load: LoadFile, expected: int) -> list[WorkerState]:
        """Return the workers that are ready for a load.

        Locust counts every worker that has connected, also one that was refused afterwards. Raises
        ConfigError if fewer than `expected` workers are admitted in time.
        """
        self._started = True
        ready: list[WorkerState] = []
        with gevent.Timeout(_WAIT_TIMEOUT_S, False):
            while True:
                client_ids = [client.id for client in self._runner.clients.ready]
                for client_id in client_ids:
                    self._request_identity(client_id)
                self._reject_remote_workers(load)
                self._compare_adapters(load.scenario.target.adapter)
                ready = [
                    self.admitted[client_id]
                    for client_id in client_ids
                    if client_id in self.admitted
                ]
                if len(ready) == len(client_ids) >= expected:
                    return ready
                gevent.sleep(_POLL_S)
        raise ConfigError(
            f"only {len(ready)} of {expected} expected workers can take part; the messages above"
            " describe why others were refused"
        )

    def _request_identity(self, client_id: str) -> None:
        """Query a worker that is ready for Locust, but has not sent its identity yet."""
        if client_id in self.admitted:
            return
        try:
            answer = self._rpc.call(client_id, "who", within_s=ANSWER_TIMEOUT_S)
            self.register(client_id, answer.data)
        except GauntletError:
            self._report(f"The worker {client_id} is refused: it is not a Gauntlet worker.")
            self._runner.send_message("quit", None, client_id)

    def _reject_remote_workers(self, load: LoadFile) -> None:
        """Refuse workers on other hosts if the server is on the master's loopback interface."""
        on_loopback = all(map(is_loopback_url, load.api))
        for worker in list(self.admitted.values()):
            if on_loopback and worker.identity.network != self._identity.network:
                reason = f"{load.api[0]} is on the master's loopback, out of its reach"
                self._refuse(worker.client_id, _describe(worker.identity), reason)

    def _compare_adapters(self, adapter: str) -> None:
        """Refuse workers that have another version of an adapter outside of Gauntlet, or none."""
        ours = package_version.version_of(adapter)
        new = [worker for worker in self.admitted.values() if ours and worker.adapter != adapter]
        gevent.joinall(
            [gevent.spawn(self._compare_adapter, worker, ours, adapter) for worker in new]
        )

    def _compare_adapter(self, worker: WorkerState, ours: str, adapter: str) -> None:
        try:
            answer = self._rpc.call(
                worker.client_id, "adapter", {"name": adapter}, within_s=ANSWER_TIMEOUT_S
            )
            theirs = answer.data["version"]
            reason = f"it has the adapter {adapter} of {theirs}, the master of {ours}"
        except GauntletError as error:
            theirs, reason = "", str(error)
        if theirs == ours:
            worker.adapter = adapter
        else:
            self._refuse(worker.client_id, _describe(worker.identity), reason)

    def _refuse(self, client_id: str, worker: str, reason: str) -> None:
        sentence = f"{worker} is refused: {reason}."
        self._report(sentence)
        self.admitted.pop(client_id, None)
        if not self._started:
            self._runner.clients.pop(client_id, None)
        gevent.spawn(self._rpc.try_call, client_id, "refuse", {"message": sentence})

    def _report(self, sentence: str) -> None:
        log.error("%s", sentence)
        self._on_refused(sentence)


def _describe(identity: Identity) -> str:
    return f"The worker on {identity.host} (pid {identity.pid})"
