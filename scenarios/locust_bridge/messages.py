"""What crosses between master and workers (statistics apart: see `stats`).

A run ends by messages of our own, because Locust's own `quit` takes what workers have not yet
reported for done.
"""

from typing import Any

import gevent
from locust.env import Environment
from locust.runners import MasterRunner

LOAD = "gauntlet-load"
DRAIN = "gauntlet-drain"
DRAINED = "gauntlet-drained"
DRAIN_TIMEOUT_S = 90.0


class Workers:
    """The master's side: who takes part, and who has drained."""

    def __init__(self, runner: MasterRunner) -> None:
        self._runner = runner
        self._draining: set[str] = set()
        self.failed: list[int] = []
        runner.register_message(DRAINED, self._on_drained)

    def announce(self, load_file: str) -> None:
        """Tell every worker its part, before any user is spawned."""
        clients = [client.id for client in self._runner.clients.ready]
        self._draining = set(clients)
        for worker, client_id in enumerate(clients):
            part = {"load": load_file, "worker": worker, "workers": len(clients)}
            self._runner.send_message(LOAD, part, client_id)

    def drain(self) -> bool:
        """Have every worker end in order. False where one did not answer in time."""
        for client_id in list(self._draining):
            self._runner.send_message(DRAIN, None, client_id)
        with gevent.Timeout(DRAIN_TIMEOUT_S, False):
            while self._draining:
                gevent.sleep(0.05)
        return not self._draining

    def _on_drained(self, environment: Environment, msg: Any, **_: Any) -> None:
        self._draining.discard(msg.node_id)
        if msg.data["exit_code"]:
            self.failed.append(int(msg.data["exit_code"]))
