"""Writes `live.jsonl`: one row per second, for terminal, guards and self-audit."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gauntlet.scenarios.client.context import Counters
from gauntlet.scenarios.metrics.delivery_ledger import Ledger
from gauntlet.scenarios.metrics.generator_health import GeneratorHealth
from gauntlet.scenarios.metrics.latency import percentile_ms
from gauntlet.scenarios.metrics.overdue import Overdue


class LiveWriter:
    """The rows of one worker; all workers of a run append to the same file."""

    def __init__(self, file: Path, worker: int, health: GeneratorHealth) -> None:
        self._file = file.open("ab", buffering=0)
        self._worker = worker
        self._health = health

    def write(
        self,
        t_ns: int,
        phase: str,
        users: int,
        ledger: Ledger,
        counters: Counters,
        samples_ns: dict[str, NDArray[np.int64]],
        overdue: Overdue | None = None,
    ) -> dict[str, Any]:
        """Write one row, and return it; `samples_ns` are the sorted samples of the last second.

        `overdue` is None unless a guard watches it.
        """
        row = {
            "t_ns": t_ns,
            "worker": self._worker,
            "phase": phase,
            "users": users,
            "connections": counters.connections,
            "sent": ledger.ops,
            "missed": ledger.missed,
            "acked": ledger.acked,
            "rejected": ledger.rejected,
            "unknown": ledger.unknown,
            "outstanding": ledger.outstanding,
            "delivered": ledger.presented,
            "missing": ledger.missing,
            "lost": ledger.lost,
            "reconnects": counters.reconnects,
            "disconnects": counters.disconnects,
            "duplicates": counters.raw_duplicates,
            "holes": counters.holes,
            "backward": counters.backward,
            "unseen_oldest_s": overdue and overdue.unseen_s,
            "undelivered_oldest_s": overdue and overdue.undelivered_s,
            "ack_p50_ms": percentile_ms(samples_ns["response"], 0.5),
            "ack_p99_ms": percentile_ms(samples_ns["response"], 0.99),
            "ack_p999_ms": percentile_ms(samples_ns["response"], 0.999),
            "delivery_p50_ms": percentile_ms(samples_ns["delivery"], 0.5),
            "delivery_p99_ms": percentile_ms(samples_ns["delivery"], 0.99),
            "delivery_p999_ms": percentile_ms(samples_ns["delivery"], 0.999),
            "lag_p99_ms": percentile_ms(samples_ns["lag"], 0.99),
            **self._health.take_columns(),
        }
        self._file.write(json.dumps(row, separators=(",", ":")).encode() + b"\n")
        return row

    def close(self) -> None:
        """Close the file."""
        self._file.close()
