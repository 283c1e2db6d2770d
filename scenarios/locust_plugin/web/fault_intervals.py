"""The interval in which each fault acted, from the journal that the fault timeline writes."""

from pathlib import Path
from typing import Any

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.run_directory import Tail


class FaultIntervals:
    """Follows `events/chaos.jsonl`; a run without faults has no such file, and no intervals."""

    def __init__(self, journal: Path) -> None:
        self._tail = Tail(journal)
        self._faults: dict[str, dict[str, Any]] = {}

    def read(self, zero_ns: int) -> list[dict[str, Any]]:
        """Return each requested fault with `from` and `to` in seconds after `zero_ns`.

        A fault acts from its proven effect on; until that is proven, its request counts. `to` is
        None while the fault is not healed.
        """
        for row in self._tail.read_new():
            if row["kind"] == "fault":
                self._update(row)
        return [
            {
                "id": fault["id"],
                "what": f"{fault['fault']} {fault['target']}".strip(),
                "step": fault["step"],
                "from": _seconds(fault["from_ns"], zero_ns),
                "to": _seconds(fault["to_ns"], zero_ns),
            }
            for fault in self._faults.values()
        ]

    def _update(self, row: dict[str, Any]) -> None:
        step, t_ns = row["step"], row["t_ns"]
        fault = self._faults.setdefault(
            row["id"], {**row, "from_ns": t_ns, "to_ns": None, "fault": row.get("fault", "")}
        )
        fault["step"] = step
        if step == "effective":
            fault["from_ns"] = t_ns
        elif step == "healed":
            fault["to_ns"] = t_ns


def _seconds(t_ns: int | None, zero_ns: int) -> float | None:
    return None if t_ns is None else round((t_ns - zero_ns) / NS_PER_S, 2)
