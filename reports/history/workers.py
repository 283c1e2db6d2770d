"""The workers of a run: who took part, who was lost, how their clocks stand to the master's.

A run on one process has no such rows, and neither have runs of older versions.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gauntlet.core.clock import NS_PER_MS

Ints = npt.NDArray[np.int64]
_JOURNAL = re.compile(r"load-(\d+)")


@dataclass(frozen=True)
class Clocks:
    """Each worker's clock, measured at the start and at the end: (its time, its lead) in ns.

    Between two measurements the lead is taken to change evenly: crystals drift by microseconds a
    second, which over a long run is more than a measurement's error.
    """

    measured: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    error_ms: float = 0.0

    @classmethod
    def of(cls, rows: list[dict[str, Any]]) -> "Clocks":
        """From the `clock` rows of a run's events."""
        measured: dict[int, list[tuple[int, int]]] = {}
        error_ns = 0
        for row in rows:
            if row["kind"] == "clock":
                lead_ns = int(row["offset_ns"])
                measured.setdefault(row["worker"], []).append((row["t_ns"] + lead_ns, lead_ns))
                error_ns = max(error_ns, int(row["error_ns"]))
        apart = {
            worker: sorted(points)
            for worker, points in measured.items()
            if any(lead_ns for _, lead_ns in points)
        }
        return cls(apart, error_ns / NS_PER_MS)

    def lead_ns(self, worker: int, t_ns: Ints) -> Ints:
        """How far a worker's clock was ahead of the master's when it showed `t_ns`."""
        points = self.measured.get(worker)
        if points is None:
            return np.zeros_like(t_ns)
        first = points[0][1]
        times, leads = zip(*points, strict=True)
        # Relative to the first: a lead may be of days, and floats have 53 bits.
        drift = np.interp(t_ns, times, [lead - first for lead in leads])
        return np.asarray(first + drift.astype(np.int64), dtype=np.int64)

    def laid(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Events with the times of the master's clock, in their order."""
        if not self.measured:
            return rows
        return sorted((self._laid(row) for row in rows), key=lambda row: int(row["t_ns"]))

    def _laid(self, row: dict[str, Any]) -> dict[str, Any]:
        worker = _JOURNAL.fullmatch(row["writer"])
        if worker is None:
            return row
        t_ns = np.array(row["t_ns"], dtype=np.int64)
        return {**row, "t_ns": int(t_ns - self.lead_ns(int(worker[1]), t_ns))}


def lost(rows: list[dict[str, Any]], reconciled: set[int]) -> dict[int, str]:
    """The workers that took part and whose part is not whole: what became of each."""
    return {
        worker: _became(row)
        for worker, row in _last(rows, "worker").items()
        if row["step"] == "lost" or worker not in reconciled
    }


def workers(rows: list[dict[str, Any]], missing: dict[int, str]) -> list[dict[str, Any]]:
    """`workers` of result.json; `missing` is what `lost` answered. Clocks as measured last."""
    clocks = _last(rows, "clock")

    def ms(worker: int, name: str) -> float | None:
        return clocks[worker][name] / NS_PER_MS if worker in clocks else None

    return [
        {
            "worker": worker,
            "host": row["host"],
            "pid": row["pid"],
            "state": "lost" if worker in missing else "whole",
            "sentence": missing.get(worker, row["message"]),
            "offset_ms": ms(worker, "offset_ns"),
            "error_ms": ms(worker, "error_ns"),
        }
        for worker, row in _last(rows, "worker").items()
    ]


def _last(rows: list[dict[str, Any]], kind: str) -> dict[int, dict[str, Any]]:
    """The last word on each worker, by its number: one of a worker that is back is not its last."""
    last = {row["worker"]: row for row in rows if row["kind"] == kind}
    return dict(sorted(last.items()))


def _became(row: dict[str, Any]) -> str:
    if row["step"] == "lost":
        return str(row["message"])
    return f"Worker {row['worker']} ({row['host']}, pid {row['pid']}) did not reconcile"


def told(missing: dict[int, str]) -> str:
    """One phrase for all of them."""
    return "; ".join(missing.values())
