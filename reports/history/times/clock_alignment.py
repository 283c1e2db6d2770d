"""Converts the times of workers on other hosts to the clock of the load's master.

A run in one process has no `clock` rows, and neither have runs of older versions: their times are
used unchanged.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gauntlet.core.clock import NS_PER_MS
from gauntlet.reports.history.arrays import Ints

_WORKER_JOURNAL = re.compile(r"load-(\d+)")


@dataclass(frozen=True)
class ClockAlignment:
    """How far each worker's clock was ahead of the master's: (worker's time, lead), both in ns.

    `measured` holds only workers whose clock differs, each measured at the start and at the end.
    Between two measurements the lead is interpolated linearly: crystals drift by microseconds per
    second, which in a long run exceeds the error of a measurement. `error_ms` is the largest error.

    `between_recorders_ns` is by how much any two clocks of an imported history may differ.
    """

    measured: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    error_ms: float = 0.0
    between_recorders_ns: int = 0

    @classmethod
    def from_events(cls, rows: list[dict[str, Any]]) -> "ClockAlignment":
        """Return the alignment that the `clock` rows of a run's events describe."""
        measured: dict[int, list[tuple[int, int]]] = {}
        error_ns = between_recorders_ns = 0
        for row in rows:
            if row["kind"] == "reconciliation":
                declared_ns = int(row.get("clock_error_ns", 0))
                between_recorders_ns = max(between_recorders_ns, declared_ns)
            if row["kind"] == "clock":
                lead_ns = int(row["offset_ns"])
                measured.setdefault(row["worker"], []).append((row["t_ns"] + lead_ns, lead_ns))
                error_ns = max(error_ns, int(row["error_ns"]))
        differing = {
            worker: sorted(points)
            for worker, points in measured.items()
            if any(lead_ns for _, lead_ns in points)
        }
        return cls(differing, error_ns / NS_PER_MS, between_recorders_ns)

    def lead_ns(self, worker: int, t_ns: Ints) -> Ints:
        """Return how far a worker's clock was ahead of the master's when it showed `t_ns`."""
        points = self.measured.get(worker)
        if points is None:
            return np.zeros_like(t_ns)
        first = points[0][1]
        times, leads = zip(*points, strict=True)
        # Relative to the first lead: a lead may amount to days, and a float has only 53 bits.
        drift = np.interp(t_ns, times, [lead - first for lead in leads])
        return np.asarray(first + drift.astype(np.int64), dtype=np.int64)

    def align_events(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return events with the times of the master's clock, sorted by these."""
        if not self.measured:
            return rows
        return sorted((self._align_event(row) for row in rows), key=lambda row: int(row["t_ns"]))

    def _align_event(self, row: dict[str, Any]) -> dict[str, Any]:
        worker = _WORKER_JOURNAL.fullmatch(row["writer"])
        if worker is None:
            return row
        t_ns = np.array(row["t_ns"], dtype=np.int64)
        return {**row, "t_ns": int(t_ns - self.lead_ns(int(worker[1]), t_ns))}
