"""All guards of a run: which of them are active, and the first that fires. Pure."""

from typing import Any, NamedTuple

from gauntlet.core.clock import NS_PER_S, format_s
from gauntlet.core.scenario import guards
from gauntlet.core.scenario.model import Scenario
from gauntlet.runner.guards.guard import WatchedGuard

_ACTIVE_PHASES = ("ramp", "steady")


class GuardStop(NamedTuple):
    """The guard that stops the load: its place in the scenario, and what it has seen."""

    place: int
    t_ns: int
    value: float
    sentence: str

    def row(self) -> dict[str, Any]:
        """Return the fields of the row `guard` in `events/run.jsonl`."""
        return {"guard": self.place, "value": self.value, "message": self.sentence}


class Guards:
    """The guards of a scenario. `stop` is the first that has fired, and stays so."""

    def __init__(self, scenario: Scenario) -> None:
        self._watched = [WatchedGuard(guard) for guard in scenario.guards]
        self._recovery_ns = int(scenario.recovery_window * NS_PER_S)
        self._open: set[str] = set()  # faults that are not healed
        self._healed_ns: int | None = None  # when the last fault was healed
        self.stop: GuardStop | None = None

    def on_fault(self, row: dict[str, Any]) -> None:
        """Take a step of a fault, from its request to its heal."""
        if row["step"] == "requested":
            self._open.add(row["id"])
        elif row["step"] == "healed":
            self._open.discard(row["id"])
            self._healed_ns = max(self._healed_ns or 0, row["t_ns"])

    def update(self, row: dict[str, Any], zero_ns: int | None, arrivals_ns: int | None) -> None:
        """Take the merged live row; the times are those of the ramp and of the first arrival."""
        if self.stop is not None or row["phase"] not in _ACTIVE_PHASES:
            return
        for index, watched in enumerate(self._watched):
            fired = watched.update(row, self._active_ns(watched, arrivals_ns))
            if fired is not None and self.stop is None:
                at_s = format_s((fired.t_ns - (zero_ns or 0)) / NS_PER_S)
                condition = guards.condition(watched.guard)
                self.stop = GuardStop(
                    index,
                    fired.t_ns,
                    fired.value,
                    f"guards[{index}] ({condition}) stopped the load after {at_s}: {fired.text}",
                )

    def _active_ns(self, watched: WatchedGuard, arrivals_ns: int | None) -> int | None:
        """Return since when a guard is active; None if it is not."""
        if arrivals_ns is None:
            return None
        active_ns = arrivals_ns + int(watched.guard.delay * NS_PER_S)
        suspended = guards.suspended_in(watched.guard)
        if suspended == "never":
            return active_ns
        if self._open:
            return None
        margin_ns = self._recovery_ns if suspended == "recovery" else 0
        healed_ns = 0 if self._healed_ns is None else self._healed_ns + margin_ns
        return max(active_ns, healed_ns)
