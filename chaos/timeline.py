"""The schedule of a run's faults: journal, inject, prove; then journal, heal, verify. Always both.

Every fault lives in a thread of its own, since faults overlap and some take long. What was
requested is healed whatever happens: at its end, when it fails, when the run is stopped.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from gauntlet.chaos.faults import FAULTS
from gauntlet.chaos.faults.base import Evidence, FaultFailed
from gauntlet.chaos.faults.context import Context
from gauntlet.core import clock
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.scenario.model import Fault as Spec

_HEAL_ATTEMPTS = 3
_HEAL_PAUSE_S = 0.5
_UNWRITTEN = (OSError, ValueError)  # a full disk; a journal that is closed


class Step(NamedTuple):
    """One fault's times on the monotonic clock."""

    spec: Spec
    inject_ns: int
    heal_ns: int


@dataclass
class FaultResult:
    """How one fault went. `reached` is false when the run ended before its time."""

    id: str
    reached: bool = False
    effective: bool = False
    healed: bool = False
    errors: list[str] = field(default_factory=list)


@dataclass
class Outcome:
    """How all of them went, in the order of their times."""

    faults: list[FaultResult]

    @property
    def failed(self) -> list[str]:
        """Faults that could not be injected, proven or ended as they should."""
        return [it.id for it in self.faults if it.reached and (not it.effective or it.errors)]

    @property
    def unhealed(self) -> list[str]:
        """Faults whose healing is not verified: the system may still be broken."""
        return [it.id for it in self.faults if it.reached and not it.healed]


def plan(faults: Iterable[Spec], t0_ns: int) -> list[Step]:
    """When each fault begins and ends, sorted by time; `t0_ns` is the start of the load."""
    steps = [
        Step(spec, t0_ns + round(spec.at * NS_PER_S), t0_ns + round(spec.ends_s * NS_PER_S))
        for spec in faults
    ]
    return sorted(steps, key=lambda step: (step.inject_ns, step.spec.id))


def open_faults(events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The `requested` rows of faults that no `healed` row closes: what a dead run left behind."""
    requested: dict[str, Mapping[str, Any]] = {}
    for row in events:
        if row["kind"] == "fault" and row["step"] == "requested":
            requested[row["id"]] = row
        elif row["kind"] == "fault" and row["step"] == "healed":
            requested.pop(row["id"], None)
    return list(requested.values())


class Timeline:
    """The faults of one run. `t0_ns` is the "ramp" row of the load, on the monotonic clock."""

    def __init__(self, faults: Iterable[Spec], context: Context, t0_ns: int) -> None:
        self._steps = plan(faults, t0_ns)
        self._context = context

    def run(self, stop: threading.Event) -> Outcome:
        """Live through all faults; returns when the last one is healed, or given up.

        Setting `stop` heals everything at once. The stack must stay up until this returns.
        """
        context = replace(self._context, stop=stop)
        lives = [_Life(step, context) for step in self._steps]
        threads = [
            threading.Thread(target=life.live, name=f"fault-{life.result.id}") for life in lives
        ]
        for thread in threads:
            thread.start()
        try:
            _join(threads)
        except BaseException:
            stop.set()
            _join(threads)
            raise
        return Outcome([life.result for life in lives])


class _Life:
    """One fault from its request to its verified end."""

    def __init__(self, step: Step, context: Context) -> None:
        self.result = FaultResult(step.spec.id)
        self._step = step
        self._context = context
        self._fault = FAULTS[step.spec.kind](step.spec)

    def live(self) -> None:
        """Wait, inject, prove, wait, heal, verify; `result` tells how it went."""
        if self._stopped_before(self._step.inject_ns):
            return
        self.result.reached = True
        try:
            # Not `_note`: what is not on disk must not be injected.
            self._record("requested", {}, {})
        except _UNWRITTEN as error:
            self.result.errors.append(f"not journalled, so not injected: {error}")
            self.result.healed = True
            return
        if self._begin():
            self._stopped_before(self._step.heal_ns)
        self._end()

    def _stopped_before(self, t_ns: int) -> bool:
        return self._context.stop.wait(max(0.0, (t_ns - clock.now_ns()) / NS_PER_S))

    def _begin(self) -> bool:
        try:
            detail = self._fault.inject(self._context)
            acted_ns = clock.now_ns()  # it acts from here on, and is proven later
            proof = self._fault.prove(self._context)
        except Exception as error:  # noqa: BLE001  # whatever broke, the rest must be healed
            self._fail(error)
            return False
        self.result.effective = True
        self._note("effective", proof, detail, acted_ns)
        return True

    def _end(self) -> None:
        self._note("heal-requested")
        for attempt in range(1, _HEAL_ATTEMPTS + 1):
            try:
                detail = self._heal()
                healed_ns = clock.now_ns()
                proof = self._fault.verify(self._context)
            except Exception as error:  # noqa: BLE001  # nothing beats another attempt
                text = f"heal, attempt {attempt}: {error}"
                time.sleep(_HEAL_PAUSE_S)
                continue
            self.result.healed = True
            self._note("healed", proof, detail, healed_ns)
            return
        self.result.errors.append(text)
        self._note("heal-failed", {}, {"error": text})

    def _heal(self) -> Evidence:
        try:
            return self._fault.heal(self._context)
        except FaultFailed as error:
            if not self.result.errors:  # else it is known to have failed, and the rest follows
                self._fail(error)
            return {}

    def _fail(self, error: Exception) -> None:
        self.result.errors.append(str(error))
        proof = error.proof if isinstance(error, FaultFailed) else {}
        self._note("failed", proof, {"error": str(error)})

    def _note(
        self,
        step: str,
        proof: Evidence | None = None,
        detail: Evidence | None = None,
        t_ns: int | None = None,
    ) -> None:
        """Journal a step that has happened: no row that is lost may keep us from healing."""
        try:
            self._record(step, proof or {}, detail or {}, t_ns)
        except _UNWRITTEN as error:
            self.result.errors.append(f"{step} not journalled: {error}")

    def _record(
        self, step: str, proof: Evidence, detail: Evidence, t_ns: int | None = None
    ) -> None:
        spec = self._step.spec
        self._context.record(
            "fault",
            t_ns=t_ns,
            id=spec.id,
            fault=spec.kind,
            target=spec.target,
            step=step,
            proof=proof,
            detail=detail,
        )


def _join(threads: Iterable[threading.Thread]) -> None:
    for thread in threads:
        thread.join()
