"""The timeline of a run's faults: each one is journalled, injected, proven, healed and verified.

Every fault runs in its own thread, because faults overlap and some take long. A fault that has been
requested is always healed: at its end, when it fails, and when the run is stopped. Its proof must
not delay that: a proof that is not there by then is missing.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gauntlet.chaos import event_wait, proxied_bytes
from gauntlet.chaos.event_wait import Steps
from gauntlet.chaos.faults import FAULTS
from gauntlet.chaos.faults.base import Evidence, Fault, FaultFailed
from gauntlet.chaos.faults.context import Context
from gauntlet.core import clock
from gauntlet.core.clock import NS_PER_S
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Fault as Spec

_HEAL_ATTEMPTS = 3
_HEAL_PAUSE_S = 0.5
_POLL_S = 0.02
_PROOF_GRACE_S = 0.3  # in which a proof that has been told to end can still return what it saw
_JOURNAL_ERRORS = (OSError, ValueError)  # a full disk; a journal that has been closed


@dataclass
class FaultResult:
    """The result of one fault. `reached` is false if the run ended before its time."""

    id: str
    reached: bool = False
    effective: bool = False
    healed: bool = False
    errors: list[str] = field(default_factory=list)


@dataclass
class TimelineResult:
    """The results of all faults, in the order of their times."""

    faults: list[FaultResult]

    @property
    def failed(self) -> list[str]:
        """The ids of faults that were not injected, proven or ended as expected."""
        return [
            fault.id
            for fault in self.faults
            if fault.reached and (not fault.effective or fault.errors)
        ]

    @property
    def unhealed(self) -> list[str]:
        """The ids of faults whose heal is not verified: the system may still be broken."""
        return [fault.id for fault in self.faults if fault.reached and not fault.healed]


def open_faults(events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the `requested` rows without a `healed` row: what a run that died left behind."""
    requested: dict[str, Mapping[str, Any]] = {}
    for row in events:
        if row["kind"] == "fault" and row["step"] == "requested":
            requested[row["id"]] = row
        elif row["kind"] == "fault" and row["step"] == "healed":
            requested.pop(row["id"], None)
    return list(requested.values())


class Timeline:
    """The faults of one run. `t0_ns` is the time of the load's "ramp" row (monotonic)."""

    def __init__(self, faults: Iterable[Spec], context: Context, t0_ns: int) -> None:
        self._faults = sorted(faults, key=lambda fault: (fault.begins_s, fault.id))
        self._context = context
        self._t0_ns = t0_ns

    def run(self, stop: threading.Event) -> TimelineResult:
        """Execute all faults; return when the last one is healed or could not be healed.

        Setting `stop` heals everything immediately. The stack must stay up until this returns.
        """
        context = replace(self._context, stop=stop)
        steps = Steps()
        executions = [_FaultExecution(fault, context, self._t0_ns, steps) for fault in self._faults]
        threads = [
            threading.Thread(target=execution.run, name=f"fault-{execution.result.id}")
            for execution in executions
        ]
        for thread in threads:
            thread.start()
        try:
            _join(threads)
        except BaseException:
            stop.set()
            _join(threads)
            raise
        return TimelineResult([execution.result for execution in executions])


class _FaultExecution:
    """Executes one fault, from its request to its verified heal."""

    def __init__(self, spec: Spec, context: Context, t0_ns: int, steps: Steps) -> None:
        self.result = FaultResult(spec.id)
        self._spec = spec
        self._context = context
        self._t0_ns = t0_ns
        self._steps = steps
        self._fault = FAULTS[spec.kind](spec)
        self._injected: Evidence = {}

    def run(self) -> None:
        """Wait, inject, prove, wait, heal, verify; `result` holds the outcome."""
        awaited = event_wait.wait_for(
            self._spec.at, self._t0_ns, self._context.live, self._steps, self._context.stop
        )
        if awaited.due_ns is None:
            self._miss(awaited.why)
            return
        self.result.reached = True
        try:
            # Not `_journal`: a fault whose request is not on disk must not be injected.
            self._write_row("requested", {}, {"after": dict(awaited.seen)} if awaited.seen else {})
        except _JOURNAL_ERRORS as error:
            self.result.errors.append(f"not journalled, so not injected: {error}")
            self.result.healed = True
            return
        ends_ns = awaited.due_ns + round(self._spec.for_ * NS_PER_S)
        if self._inject_and_prove(ends_ns):
            self._stopped_before(ends_ns)
        self._heal_and_verify()

    def _miss(self, why: str) -> None:
        """Note that the fault does not begin; `why` is empty if the run was stopped before."""
        if why:
            self.result.reached = self.result.healed = True
            self.result.errors.append(why)
            self._journal("missed", {}, {"error": why})

    def _stopped_before(self, t_ns: int) -> bool:
        """Wait until `t_ns`; return True if the run is stopped before."""
        return self._context.stop.wait(max(0.0, (t_ns - clock.now_ns()) / NS_PER_S))

    def _inject_and_prove(self, ends_ns: int) -> bool:
        try:
            detail = self._injected = self._fault.inject(self._context)
            effective_ns = clock.now_ns()  # it acts from now on; the proof comes later
            traffic = self._traffic()
            proof = self._prove(ends_ns)
        except Exception as error:  # noqa: BLE001  # whatever failed, the fault must be healed
            self._fail(error)
            return False
        self.result.effective = True
        self._journal("effective", proof, detail, effective_ns, **traffic)
        self._steps.reach(self._spec.id, "effective", effective_ns)
        return True

    def _prove(self, ends_ns: int) -> Evidence:
        """Return the proof; FaultFailed if there is none when the fault or the run has to end.

        A fault without a length, or with an end of its own, lasts until it is proven.
        """
        is_timed = self._spec.for_ > 0 and not catalog.FAULTS[self._spec.kind].own_end
        proof = _Proof(self._fault, self._context)
        while not proof.is_done(_POLL_S):
            if self._context.stop.is_set() or (is_timed and clock.now_ns() >= ends_ns):
                return proof.end(_PROOF_GRACE_S)
        return proof.end(0.0)

    def _heal_and_verify(self) -> None:
        self._journal("heal-requested")
        for attempt in range(1, _HEAL_ATTEMPTS + 1):
            try:
                detail = self._heal()
                healed_ns = clock.now_ns()
                traffic = self._traffic()
                proof = self._fault.verify(self._context)
            except Exception as error:  # noqa: BLE001  # whatever failed, try again
                message = f"heal, attempt {attempt}: {error}"
                time.sleep(_HEAL_PAUSE_S)
                continue
            self.result.healed = True
            self._journal("healed", proof, detail, healed_ns, **traffic)
            self._steps.reach(self._spec.id, "healed", healed_ns)
            return
        self.result.errors.append(message)
        self._journal("heal-failed", {}, {"error": message})

    def _heal(self) -> Evidence:
        try:
            return self._fault.heal(self._context)
        except FaultFailed as error:
            if not self.result.errors:  # otherwise this is a consequence of the first failure
                self._fail(error)
            return {}

    def _traffic(self) -> dict[str, int]:
        """Return `proxied_bytes` so far; what passes until the next reading has met the fault."""
        found = proxied_bytes.count(self._context, self._spec, self._injected)
        return {} if found is None else {"proxied_bytes": found}

    def _fail(self, error: Exception) -> None:
        self.result.errors.append(str(error))
        proof = error.proof if isinstance(error, FaultFailed) else {}
        self._journal("failed", proof, {"error": str(error)})

    def _journal(
        self,
        step: str,
        proof: Evidence | None = None,
        detail: Evidence | None = None,
        t_ns: int | None = None,
        **traffic: int,
    ) -> None:
        """Journal a step that has happened; a row that cannot be written must not stop the heal."""
        try:
            self._write_row(step, proof or {}, detail or {}, t_ns, **traffic)
        except _JOURNAL_ERRORS as error:
            self.result.errors.append(f"{step} not journalled: {error}")

    def _write_row(
        self,
        step: str,
        proof: Evidence,
        detail: Evidence,
        t_ns: int | None = None,
        **traffic: int,
    ) -> None:
        spec = self._spec
        self._context.record(
            "fault",
            t_ns=t_ns,
            id=spec.id,
            fault=spec.kind,
            target=spec.target,
            step=step,
            proof=proof,
            detail=detail,
            **traffic,
        )


class _Proof:
    """Proves a fault in a thread of its own, so that a proof that hangs delays no heal."""

    def __init__(self, fault: Fault, context: Context) -> None:
        self._fault = fault
        self._stop = threading.Event()
        self._context = replace(context, stop=self._stop)
        self._done = threading.Event()
        self._found: Evidence = {}
        self._error: Exception | None = None
        name = f"{threading.current_thread().name}-proof"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def is_done(self, wait_s: float) -> bool:
        """Wait for the proof; return whether it has ended."""
        return self._done.wait(wait_s)

    def end(self, grace_s: float) -> Evidence:
        """Tell the proof to end, and return it; FaultFailed if it does not end in time."""
        self._stop.set()
        if not self._done.wait(grace_s):
            raise FaultFailed("it had to end before it was proven")
        if self._error is not None:
            raise self._error
        return self._found

    def _run(self) -> None:
        try:
            self._found = self._fault.prove(self._context)
        except Exception as error:  # noqa: BLE001  # raised in the thread of the fault
            self._error = error
        self._done.set()


def _join(threads: Iterable[threading.Thread]) -> None:
    for thread in threads:
        thread.join()
