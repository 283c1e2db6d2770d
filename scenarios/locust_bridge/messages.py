"""What crosses from the engine to Locust, and between master and workers.

Statistics are merged once a second as prebuilt entries: an event for each message would cost
hundreds of times as much. A run ends by messages of our own, because Locust's own `quit` takes
what workers have not yet reported for done.
"""

import time
from collections import Counter
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import MasterRunner
from locust.stats import StatsEntry, bucket_response_time

from gauntlet.kernel.clock import NS_PER_MS
from scenarios.engine import Second

LOAD = "gauntlet-load"
DRAIN = "gauntlet-drain"
DRAINED = "gauntlet-drained"
DRAIN_TIMEOUT_S = 90.0

_SHOWN = {"response": ("SEND", "message"), "delivery": ("RECV", "delivery")}


def merge(environment: Environment, second: Second) -> None:
    """Add one second of sends and deliveries to what Locust shows, exports and reports."""
    for samples, (method, name) in _SHOWN.items():
        samples_ms = [sample / NS_PER_MS for sample in second.samples_ns[samples].tolist()]
        if samples_ms:
            entry = _entry(environment, method, name, samples_ms)
            environment.stats.entries[(name, method)].extend(entry)
            environment.stats.total.extend(entry)
    for outcome, count in (("rejected", second.rejected), ("unknown", second.unknown)):
        for _ in range(count):
            environment.stats.log_error("SEND", "message", outcome)


def _entry(environment: Environment, method: str, name: str, samples_ms: list[float]) -> StatsEntry:
    entry = StatsEntry(environment.stats, name, method)
    entry.num_requests = len(samples_ms)
    entry.last_request_timestamp = time.time()
    entry.total_response_time = int(sum(samples_ms))
    entry.min_response_time = int(samples_ms[0])
    entry.max_response_time = int(samples_ms[-1])
    entry.response_times.update(Counter(bucket_response_time(sample) for sample in samples_ms))
    entry.num_reqs_per_sec[int(time.time())] = len(samples_ms)
    return entry


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
