"""The load as it is now: what its workers write into `live.jsonl`, as one row."""

from typing import Any

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.run_directory import RunDir
from gauntlet.core.tail import Tail

FRESH_NS = 5 * NS_PER_S

# Of workers that have fallen silent nothing is said of the present; what they counted stays true.
_PRESENT = ("users", "connections", "outstanding")
_WORST = ("_ms", "_share", "_max")  # what several workers have the worst of
_PHASES = ("ramp", "steady", "quiesce", "audit")
_EARLY = _PHASES[:-1]  # what the audit finds ends in the history, and so in the verdict


class Live:
    """The last row of each worker, and in `last` all of them together; None before the first."""

    def __init__(self, run: RunDir) -> None:
        self._tail = Tail(run.live)
        self._rows: dict[int, dict[str, Any]] = {}
        self.last: dict[str, Any] | None = None

    def read_new(self) -> None:
        """Take in what was written since the last call."""
        fresh = self._tail.read_new()
        if fresh:
            self._rows |= {row.get("worker", 0): row for row in fresh}
            self.last = together(list(self._rows.values()))

    @property
    def lost_early(self) -> int:
        """Acknowledged messages that are known to be lost, of workers that have yet to audit."""
        return sum(row["lost"] for row in self._rows.values() if row["phase"] in _EARLY)


def together(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Workers' rows as one: counts are summed; of percentiles and shares it is the worst worker's.

    The phase is the earliest that a worker is in: the run has not left it. Percentiles of several
    workers cannot be added; the exact ones come from the history. `rows` are those of the present
    workers: each writes when it does, so that only they tell a rate.
    """
    if len(rows) == 1:
        return rows[0]
    newest_ns = max(row["t_ns"] for row in rows)
    present = [row for row in rows if newest_ns - row["t_ns"] <= FRESH_NS]
    phases = [row["phase"] for row in present]
    first = min(phases, key=lambda name: _PHASES.index(name) if name in _PHASES else len(_PHASES))
    whole: dict[str, Any] = {"t_ns": newest_ns, "phase": first, "workers": len(present)}
    whole["rows"] = present
    for key, value in rows[0].items():
        if key.endswith(_WORST):
            known = [row[key] for row in present if row.get(key) is not None]
            whole[key] = max(known, default=None)
        elif isinstance(value, int | float) and key not in ("t_ns", "worker"):
            whole[key] = sum(row.get(key, 0) for row in (present if key in _PRESENT else rows))
    return whole
