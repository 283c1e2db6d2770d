"""The current figures of the load: the rows of its workers in `live.jsonl`, merged into one."""

from typing import Any

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.run_directory import RunDir, Tail

FRESH_NS = 5 * NS_PER_S

# Gauges of workers that stopped reporting are left out; their counters remain true.
_GAUGES = ("users", "connections", "outstanding")
# Fields of which the merged row has the worst worker's value.
_WORST = ("_ms", "_share", "_max", "_oldest_s")
_PHASES = ("ramp", "steady", "quiesce", "audit")


class LiveMetrics:
    """The last row of each worker, and `last`, their merged row; None before the first row."""

    def __init__(self, run: RunDir) -> None:
        self._tail = Tail(run.live)
        self._rows: dict[int, dict[str, Any]] = {}
        self.last: dict[str, Any] | None = None

    def read_new(self) -> bool:
        """Read the rows written since the last call; return whether there were any."""
        fresh = self._tail.read_new()
        if fresh:
            self._rows |= {row.get("worker", 0): row for row in fresh}
            self.last = merge_rows(list(self._rows.values()))
        return bool(fresh)


def merge_rows(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Merge the rows of several workers: counts are summed, percentiles and shares are the worst.

    The phase is the earliest that any worker is in. Percentiles of several workers cannot be
    combined; the exact ones are computed from the history later. `rows` holds the rows of the
    workers that reported lately: workers report at different moments, so rates need each row.
    """
    if len(rows) == 1:
        return rows[0]
    newest_ns = max(row["t_ns"] for row in rows)
    present = [row for row in rows if newest_ns - row["t_ns"] <= FRESH_NS]
    phases = [row["phase"] for row in present]
    first = min(phases, key=lambda name: _PHASES.index(name) if name in _PHASES else len(_PHASES))
    merged: dict[str, Any] = {"t_ns": newest_ns, "phase": first, "workers": len(present)}
    merged["rows"] = present
    for key, value in rows[0].items():
        if key.endswith(_WORST):
            known = [row[key] for row in present if row.get(key) is not None]
            merged[key] = max(known, default=None)
        elif isinstance(value, int | float) and key not in ("t_ns", "worker"):
            merged[key] = sum(row.get(key, 0) for row in (present if key in _GAUGES else rows))
    return merged
