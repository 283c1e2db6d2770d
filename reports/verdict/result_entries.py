"""The entries of `result.json`: what the judge found, as values of JSON."""

import dataclasses
import math
from typing import Any

from gauntlet.core.scenario import guards as guard_conditions
from gauntlet.core.scenario.model import Scenario
from gauntlet.reports.checks.finding import Verdict
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.events import Events, FaultTimes
from gauntlet.reports.history.history import History
from gauntlet.reports.metrics import latency, windows
from gauntlet.reports.metrics.client_evidence import Disturbances
from gauntlet.reports.metrics.fault_phases import Cost, Phases
from gauntlet.reports.metrics.indicators.base import IndicatorInput
from gauntlet.reports.metrics.recovery import Recovery
from gauntlet.reports.trails.reading import Trails
from gauntlet.reports.verdict import evidence
from gauntlet.reports.verdict.objectives import Judged


def of_check(
    history: History, verdict: Verdict, required: set[str], trails: Trails | None
) -> dict[str, Any]:
    """Return the entry of a check; `history` has the records of its witnesses."""
    return {
        "id": verdict.check,
        "required": verdict.check in required,
        "verdict": verdict.outcome.value,
        "sentence": verdict.sentence,
        "examined": verdict.examined,
        "count": verdict.count,
        "witnesses": evidence.evidence_of(history, verdict, trails),
    }


def of_objective(judged: Judged) -> dict[str, Any]:
    """Return the entry of an objective."""
    objective = judged.objective
    return {
        "id": objective.id,
        "indicator": objective.indicator,
        "window": objective.window,
        "op": objective.op,
        "target": objective.value,
        "severity": objective.severity,
        "verdict": judged.outcome.value,
        "value": judged.value,
        "at_least": judged.at_least,
        "samples": judged.samples,
        "sentence": judged.sentence,
    }


def of_fault(
    events: Events,
    fault: FaultTimes,
    found: Recovery,
    measured: tuple[Phases, Cost] | None = None,
) -> dict[str, Any]:
    """Return the entry of a fault, without phases and costs if the history cannot be judged."""
    phases, cost = measured or (Phases(), None)
    times = {
        "requested": fault.requested_ns,
        "effective": fault.effective_ns,
        "healed": fault.healed_ns,
        "recovered": found.recovered_ns,
    }
    return {
        "id": fault.id,
        "kind": fault.kind,
        "target": fault.target,
        **{f"{name}_at_s": events.at_s(t_ns) for name, t_ns in times.items()},
        **{f"{name}_at_ns": t_ns for name, t_ns in times.items()},
        "acted_s": None if fault.acted_s is None else round(fault.acted_s, 3),
        "overran_s": None if fault.overran_s is None else round(fault.overran_s, 3),
        "recovery_ms": found.took_ms(fault),
        "recovery_unknown": found.unknown,
        "proof": fault.proof,
        "exposed": fault.proven and fault.met_traffic,
        "exposure": _exposure(fault),
        "client_links": fault.client_links,
        "failed": fault.failed or fault.heal_failed or fault.missed,
        "noticed_at_s": _moment(events, phases.noticed_ns),
        "reconnected_at_s": _moment(events, phases.reconnected_ns),
        "drained_at_s": _moment(events, phases.drained_ns),
        "cost": None if cost is None else dataclasses.asdict(cost),
    }


def _moment(events: Events, t_ns: int | None) -> float | None:
    """Return a time on the timeline; infinite for what never happened, None if it is unknown."""
    return math.inf if t_ns == NEVER else events.at_s(t_ns)


def _exposure(fault: FaultTimes) -> dict[str, Any] | None:
    found = fault.exposure
    if found is None:
        return None
    return {"connections": found.connections, "messages": found.messages, "bytes": found.bytes}


def cutovers(events: Events) -> list[dict[str, Any]]:
    """Return an entry for each cutover, with the states that it entered."""
    return [
        {
            "id": cutover.id,
            "steps": [{"state": state, "at_s": events.at_s(t_ns)} for state, t_ns in cutover.steps],
            "reason": cutover.reason,
        }
        for cutover in events.cutovers
    ]


def of_window(events: Events, window: windows.Window) -> dict[str, Any]:
    """Return the entry of a window; an open end is None."""

    def at_s(t_ns: int) -> float | None:
        return None if t_ns >= NEVER else events.at_s(t_ns)

    return {
        "name": window.name,
        "from_s": at_s(window.start_ns),
        "to_s": at_s(window.end_ns),
        "without": [[at_s(start_ns), at_s(end_ns)] for start_ns, end_ns in window.excluded],
        "unknown": window.unknown,
    }


def latencies(run: IndicatorInput) -> dict[str, Any]:
    """Return the percentiles of each kind of latency in each window."""
    samples_by_kind = {
        "ack": run.ack,
        "delivery": run.delivery,
        "service": latency.service(run.history),
        "lag": run.lag,
    }
    return {
        kind: {
            name: latency.percentile_table(samples.within(window))
            for name, window in run.windows.items()
        }
        for kind, samples in samples_by_kind.items()
    }


def guards(events: Events, scenario: Scenario) -> list[dict[str, Any]]:
    """Return every guard of the scenario; the one that stopped the load has a time and a value."""
    stop = events.guard
    return [
        {
            "condition": guard_conditions.condition(guard),
            "fired": (fired := stop is not None and stop.index == index),
            "at_s": events.at_s(stop.t_ns) if stop is not None and fired else None,
            "value": stop.value if stop is not None and fired else None,
            "sentence": f"{stop.sentence}." if stop is not None and fired else "It did not fire.",
        }
        for index, guard in enumerate(scenario.guards)
    ]


def disturbances(events: Events, found: Disturbances) -> dict[str, Any]:
    """Return what happened to connections and sends outside of every fault."""
    return {
        "disconnects": found.disconnects,
        "unanswered": found.unanswered,
        "first_at_s": events.at_s(found.first_ns),
        "last_at_s": events.at_s(found.last_ns),
    }


def plain(value: Any) -> Any:
    """Return a value for JSON, which has no infinity: `inf`. Other floats keep six decimals."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return "inf" if math.isinf(value) else round(value, 6)
    return value
