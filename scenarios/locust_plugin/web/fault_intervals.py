"""The interval in which each fault acted, from the journal that the fault timeline writes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gauntlet.core.clock import NS_PER_S
from gauntlet.core.run_directory import Tail
from gauntlet.core.scenario import moments
from gauntlet.core.scenario.model import Fault
from gauntlet.core.scenario.moments import FixedTime

_NOT_INJECTED = ("failed", "missed")


class FaultIntervals:
    """Follows `events/chaos.jsonl`; a run without faults has no such file.

    `planned` are the faults of the scenario, which are shown before they are requested.
    """

    def __init__(self, journal: Path, planned: Iterable[Fault] = ()) -> None:
        self._tail = Tail(journal)
        self._planned = {fault.id: _waiting(fault) for fault in planned}
        self._faults: dict[str, dict[str, Any]] = {}

    def read(self, zero_ns: int) -> list[dict[str, Any]]:
        """Return each fault with `from` and `to` in seconds after `zero_ns`, and what is `planned`.

        A fault acts from its proven effect on; until that is proven, its request counts. `to` is
        None while the fault is not healed, and `from` before it is requested. A fault that was not
        injected has the end at which that became known.
        """
        for row in self._tail.read_new():
            if row["kind"] == "fault":
                self._update(row)
        requested = {
            name: {
                "id": name,
                "what": f"{fault['fault']} {fault['target']}".strip(),
                "step": fault["step"],
                "from": _seconds(fault["from_ns"], zero_ns),
                "to": _seconds(fault["to_ns"], zero_ns),
                "planned": "",
            }
            for name, fault in self._faults.items()
        }
        return [*(self._planned | requested).values()]

    def _update(self, row: dict[str, Any]) -> None:
        step, t_ns = row["step"], row["t_ns"]
        fault = self._faults.setdefault(
            row["id"],
            {
                **row,
                "from_ns": t_ns,
                "to_ns": None,
                "fault": row.get("fault", ""),
                "acts": False,
            },
        )
        fault["step"] = step
        if step == "effective":
            fault["from_ns"], fault["acts"] = t_ns, True
        elif step == "healed" or (step in _NOT_INJECTED and not fault["acts"]):
            fault["to_ns"] = t_ns


def _waiting(fault: Fault) -> dict[str, Any]:
    at = f"{fault.begins_s:g} s" if isinstance(fault.at, FixedTime) else moments.text(fault.at)
    what = f"{fault.kind} {fault.target}".strip()
    return {
        "id": fault.id,
        "what": what,
        "step": "waiting",
        "from": None,
        "to": None,
        "planned": at,
    }


def _seconds(t_ns: int | None, zero_ns: int) -> float | None:
    return None if t_ns is None else round((t_ns - zero_ns) / NS_PER_S, 2)
