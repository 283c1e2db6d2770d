"""From a run directory to its result: the same directory gives the same result, byte for byte."""

import math
from typing import Any

from gauntlet.core.errors import HistoryError
from gauntlet.core.run_directory import SCHEMA_VERSION, RunDir, read_jsonl
from gauntlet.core.scenario import model as scenarios
from gauntlet.core.scenario.capabilities import CAPABILITIES, DEVICES
from gauntlet.reports import checks
from gauntlet.reports.artifacts import artifacts
from gauntlet.reports.checks.finding import Verdict
from gauntlet.reports.history import history as model
from gauntlet.reports.history import workers
from gauntlet.reports.history.events import Events, FaultTimes, collect
from gauntlet.reports.history.history import History
from gauntlet.reports.history.records import NEVER
from gauntlet.reports.metrics import harness_health, latency, recovery, time_series, totals, windows
from gauntlet.reports.metrics.indicators import Facts
from gauntlet.reports.metrics.recovery import Recovery
from gauntlet.reports.verdict import caveats, evidence, guarantees, lost_workers, objectives
from gauntlet.reports.verdict.objectives import Judged
from gauntlet.reports.verdict.verdict import (
    Reason,
    conclude,
    of_checks,
    of_events,
    of_history,
    of_objectives,
)


def judge(run: RunDir) -> dict[str, Any]:
    """The content of `result.json`; see `docs/reference/run-directory.md`.

    A history that cannot be judged gives a result too: status `error`, and no checks.
    """
    manifest = run.read_manifest()
    scenario = scenarios.from_builtins(manifest["scenario"])
    rows = run.read_events()
    events = collect(rows, scenario.faults)
    result = _head(run, manifest, scenario)
    reasons = list(of_events(events))
    try:
        history = model.load(run, scenario, events, capabilities(manifest))
    except HistoryError as error:
        if events.unreachable is None:  # else the reason is known, and there is no history
            reasons += of_history([str(error)], events)
        body = _unjudged(events)
    else:
        body, more = _judged(history, required(scenario))
        reasons += more
    result |= {"verdict": conclude(reasons), **body}
    result["workers"] = workers.workers(rows, events.lost)
    result["self_audit"] = harness_health.audit(
        list(read_jsonl(run.live)), rows, events, _machine(manifest, scenario, body)
    )
    result["artifacts"] = artifacts(result)
    return {key: _plain(value) for key, value in result.items()}


def required(scenario: scenarios.Scenario) -> set[str]:
    """The checks that must hold; a fault that expects recovery requires `unrecovered` too."""
    expects = any(fault.expect.recover_within is not None for fault in scenario.faults)
    return {*scenario.checks.required, *(("unrecovered",) if expects else ())}


def capabilities(manifest: dict[str, Any]) -> frozenset[str]:
    """What the adapter of a run declared; all of its time, where it is older than such words."""
    declared = manifest.get("adapter", {}).get("capabilities", CAPABILITIES.keys() - {DEVICES})
    return frozenset(declared)


def _head(run: RunDir, manifest: dict[str, Any], scenario: scenarios.Scenario) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "run": {
            "id": run.id,
            "scenario": scenario.name,
            "about": scenario.about,
            "seed": manifest.get("seed", scenario.seed),
            "stack": scenario.target.stack,
            "adapter": scenario.target.adapter,
            "capabilities": sorted(capabilities(manifest)),
            "bug": manifest.get("bug"),
            "duration_s": scenario.load.duration_s,
        },
    }


def _machine(
    manifest: dict[str, Any], scenario: scenarios.Scenario, body: dict[str, Any]
) -> dict[str, Any]:
    lag = body["latency"].get("lag", {}).get("steady", {})
    return {
        "lag_budget_ms": scenario.load.lag_budget_ms,
        "lag_p99_ms": lag.get("p99"),
        "proxy": (manifest.get("proxy") or {}).get("backend"),
    }


def _judged(history: History, needed: set[str]) -> tuple[dict[str, Any], list[Reason]]:
    lost = history.events.lost
    verdicts = lost_workers.checks(checks.run_all(history), lost)
    recoveries = recovery.recoveries(history)
    over_ns = {fault: found.until_ns for fault, found in recoveries.items()}
    facts = Facts(history, windows.windows(history.events, over_ns), recoveries)
    judged = lost_workers.objectives(objectives.judge_all(facts), lost)
    counted = totals.count(history)
    wrong = list(totals.disagreements(counted, history.events.reconciliations))
    reasons = [
        *of_checks(verdicts, needed),
        *of_objectives(judged),
        *of_history(wrong, history.events),
    ]
    body = {
        "counts": counted,
        "caveats": list(caveats.caveats(facts)),
        "checks": [_check(history, verdict, needed) for verdict in verdicts],
        "objectives": [_objective(one) for one in judged],
        "faults": [
            _fault(history.events, fault, recoveries[fault.id]) for fault in history.events.faults
        ],
        "cutovers": _cutovers(history.events),
        "windows": [_window(history.events, window) for window in facts.windows.values()],
        "latency": _latency(facts),
        "series": time_series.per_second(history),
    }
    return body | {"grades": guarantees.grades(body, wrong)}, reasons


def _unjudged(events: Events) -> dict[str, Any]:
    unseen = Recovery(None, 0, "the history cannot be judged")
    return {
        "counts": {},
        "caveats": [],
        "checks": [],
        "objectives": [],
        "faults": [_fault(events, fault, unseen) for fault in events.faults],
        "cutovers": _cutovers(events),
        "windows": [],
        "latency": {},
        "series": {},
        "grades": [],
    }


def _check(history: History, verdict: Verdict, needed: set[str]) -> dict[str, Any]:
    return {
        "id": verdict.check,
        "required": verdict.check in needed,
        "verdict": verdict.outcome.value,
        "sentence": verdict.sentence,
        "examined": verdict.examined,
        "count": verdict.count,
        "witnesses": [evidence.tell(history, witness) for witness in verdict.witnesses],
    }


def _objective(judged: Judged) -> dict[str, Any]:
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


def _fault(events: Events, fault: FaultTimes, found: Recovery) -> dict[str, Any]:
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
        "recovery_ms": found.took_ms(fault),
        "recovery_unknown": found.unknown,
        "proof": fault.proof,
        "failed": fault.failed or fault.heal_failed,
    }


def _cutovers(events: Events) -> list[dict[str, Any]]:
    return [
        {
            "id": cutover.id,
            "steps": [{"state": state, "at_s": events.at_s(t_ns)} for state, t_ns in cutover.steps],
        }
        for cutover in events.cutovers
    ]


def _window(events: Events, window: windows.Window) -> dict[str, Any]:
    def at_s(t_ns: int) -> float | None:
        return None if t_ns >= NEVER else events.at_s(t_ns)

    return {
        "name": window.name,
        "from_s": at_s(window.start_ns),
        "to_s": at_s(window.end_ns),
        "without": [[at_s(start_ns), at_s(end_ns)] for start_ns, end_ns in window.without],
        "unknown": window.unknown,
    }


def _latency(facts: Facts) -> dict[str, Any]:
    lanes = {"ack": facts.ack, "delivery": facts.delivery, "lag": facts.lag}
    return {
        lane: {name: _in_window(samples, window) for name, window in facts.windows.items()}
        for lane, samples in lanes.items()
    }


def _in_window(samples: latency.Samples, window: windows.Window) -> dict[str, Any]:
    inside = window.holds(samples.intended_ns)
    return latency.table(samples.ms[inside], samples.least_ms[inside])


def _plain(value: Any) -> Any:
    """JSON has no infinity: it becomes the text `inf`. Other floats keep six decimals."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return "inf" if math.isinf(value) else round(value, 6)
    return value
