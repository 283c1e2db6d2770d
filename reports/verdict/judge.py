"""Judges a run directory. The same directory gives the same result, byte for byte."""

import dataclasses
import math
from typing import Any

from gauntlet.core.errors import HistoryError
from gauntlet.core.run_directory import SCHEMA_VERSION, RunDir, read_jsonl
from gauntlet.core.scenario import guards
from gauntlet.core.scenario import model as scenarios
from gauntlet.core.scenario.capabilities import (
    ATTENDANCE,
    CAPABILITIES,
    DEVICES,
    MEMBERS_ONLY,
    TIMESTAMPS,
)
from gauntlet.core.scenario.traits import from_manifest, to_builtins
from gauntlet.reports import checks, damage
from gauntlet.reports.artifacts import artifacts
from gauntlet.reports.checks.finding import Verdict
from gauntlet.reports.history import workers
from gauntlet.reports.history.arrays import NEVER
from gauntlet.reports.history.events import Events, FaultTimes, collect_events
from gauntlet.reports.history.history import History, load_history
from gauntlet.reports.history.marks import apply_marks
from gauntlet.reports.history.records import examine, without_damaged_workers
from gauntlet.reports.metrics import (
    exposure,
    fault_phases,
    harness_health,
    heat_map,
    latency,
    leftovers,
    recovery,
    time_series,
    totals,
    windows,
)
from gauntlet.reports.metrics.client_evidence import (
    Disturbances,
    find_disturbances,
    with_client_proofs,
)
from gauntlet.reports.metrics.fault_phases import Cost, Phases
from gauntlet.reports.metrics.indicators.base import IndicatorInput
from gauntlet.reports.metrics.recovery import Recovery
from gauntlet.reports.parts.adding import InParts
from gauntlet.reports.parts.judging import is_large, judge_in_parts
from gauntlet.reports.parts.splitting import Sizes
from gauntlet.reports.parts.surveying import Surveys
from gauntlet.reports.trails.reading import Trails, read_trails
from gauntlet.reports.verdict import (
    acked_floor,
    caveats,
    errors,
    evidence,
    guarantees,
    harness_health_text,
    lost_workers,
    objectives,
    task_errors,
    unjudged,
)
from gauntlet.reports.verdict.objectives import Judged
from gauntlet.reports.verdict.verdict import (
    Reason,
    check_reasons,
    conclude,
    event_reasons,
    history_reasons,
    objective_reasons,
    recovery_reasons,
)


def judge(run: RunDir, sizes: Sizes | None = None) -> dict[str, Any]:
    """Return the content of `result.json`; see `docs/reference/run-directory.md`.

    A large history is judged in parts, and with `sizes` any history is, in parts of these sizes.
    The result is the same.

    A history that cannot be judged gives a result with the status `error` and without checks.
    HistoryError if the manifest or the events are damaged, so that there is nothing to describe.
    """
    with damage.as_history_error([run.path], "judged"):
        return _judge(run, sizes)


def _judge(run: RunDir, sizes: Sizes | None) -> dict[str, Any]:
    manifest = run.read_manifest()
    scenario = scenarios.from_builtins(manifest["scenario"])
    rows, scenario = apply_marks(run.read_events(), scenario)
    events = collect_events(rows, scenario.faults)
    surveys = Surveys(events.clocks)
    events = without_damaged_workers(run, events, surveys.examine if is_large(run) else examine)
    observed = harness_health.Observed(
        list(read_jsonl(run.live)),
        rows,
        (manifest.get("proxy") or {}).get("backend"),
        scenario.load.lag_budget_ms,
    )
    result = _head(run, manifest, scenario)
    try:
        parts, history = _load(run, scenario, events, manifest, surveys, sizes)
        history = exposure.with_exposures(with_client_proofs(history))
    except HistoryError as error:
        reasons = list(event_reasons(events))
        if events.unreachable is None:  # otherwise the reason is known already
            reasons += history_reasons([str(error)], events)
        body = _without_history(events, scenario)
        health = harness_health.assess(events, observed, None)
    else:
        run_input = _indicator_input(history)
        health = harness_health.assess(events, observed, run_input.lag_p99_ms)
        body, found = _judge_history(
            run_input,
            required_checks(scenario),
            unjudged.of_manifest(manifest),
            health,
            read_trails(run, rows),
            parts,
        )
        reasons = [*event_reasons(history.events), *found]
    result |= {"verdict": conclude(reasons), **body, "errors": errors.table(events)}
    result["guards"] = _guards(events, scenario)
    result["workers"] = workers.worker_table(rows, events.lost)
    result["self_audit"] = harness_health_text.self_audit(health)
    result["artifacts"] = artifacts(result)
    return {key: _plain(value) for key, value in result.items()}


def _load(
    run: RunDir,
    scenario: scenarios.Scenario,
    events: Events,
    manifest: dict[str, Any],
    surveys: Surveys,
    sizes: Sizes | None,
) -> tuple[InParts | None, History]:
    """Return the history of a run, and what its parts showed if it was judged in parts."""
    described = (run, scenario, events, capabilities(manifest), from_manifest(manifest))
    if sizes is not None or is_large(run):
        parts = judge_in_parts(*described, sizes or Sizes(), surveys)
        if parts is not None:
            return parts, parts.history
    return None, load_history(*described)


def required_checks(scenario: scenarios.Scenario) -> set[str]:
    """Return the checks that must hold: `unrecovered` too if a fault expects recovery."""
    expects = any(fault.expect.recover_within is not None for fault in scenario.faults)
    return {*scenario.checks.required, *(("unrecovered",) if expects else ())}


def capabilities(manifest: dict[str, Any]) -> frozenset[str]:
    """Return what the adapter of a run declared.

    Manifests of older versions declare nothing: their adapters had all capabilities of that time.
    """
    declared = manifest.get("adapter", {}).get(
        "capabilities", CAPABILITIES.keys() - {ATTENDANCE, DEVICES, MEMBERS_ONLY, TIMESTAMPS}
    )
    return frozenset(declared)


def history_of(run: RunDir) -> History:
    """Return the history of a run; raises HistoryError if it cannot be judged."""
    with damage.as_history_error([run.path], "read"):
        manifest = run.read_manifest()
        scenario = scenarios.from_builtins(manifest["scenario"])
        rows, scenario = apply_marks(run.read_events(), scenario)
        events = without_damaged_workers(run, collect_events(rows, scenario.faults))
        return load_history(run, scenario, events, capabilities(manifest), from_manifest(manifest))


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
            "traits": to_builtins(from_manifest(manifest)),
            "bug": manifest.get("bug"),
            "duration_s": scenario.load.duration_s,
        },
    }


def _indicator_input(history: History) -> IndicatorInput:
    recoveries = recovery.find_recoveries(history)
    recovery_ends_ns = {fault: found.until_ns for fault, found in recoveries.items()}
    return IndicatorInput(
        history, windows.build_windows(history.events, recovery_ends_ns), recoveries
    )


def _judge_history(
    run: IndicatorInput,
    required: set[str],
    missing: dict[str, str],
    health: harness_health.HarnessHealth,
    trails: Trails | None,
    parts: InParts | None,
) -> tuple[dict[str, Any], list[Reason]]:
    history, recoveries, lost = run.history, run.recoveries, run.history.events.lost
    found = parts.verdicts(history) if parts else checks.run_all(history)
    verdicts = unjudged.downgrade(found, missing)
    verdicts = lost_workers.downgrade_checks(verdicts, lost)
    verdicts = [evidence.with_moments(history, verdict) for verdict in verdicts]
    judged = lost_workers.downgrade_objectives(objectives.judge_all(run, health), lost)
    counted = totals.count_totals(history)
    problems = list(totals.disagreements(counted, history.events.reconciliations))
    acked_share = acked_floor.measure(run)
    reasons = [
        *check_reasons(verdicts, required),
        *acked_floor.reasons(acked_share, history),
        *task_errors.reasons(history.events),
        *recovery_reasons(history.events, recoveries, {*required, *missing}),
        *objective_reasons(judged),
        *history_reasons(problems, history.events),
    ]
    disturbances = find_disturbances(history)
    body = {
        "counts": counted,
        "acked_share": acked_share.to_builtins(),
        "leftovers": leftovers.count_leftovers(history),
        "caveats": [
            *caveats.caveats(run, disturbances, health),
            *objectives.caveats(judged),
            *errors.caveats(history.events, history.scenario, recoveries),
            *unjudged.caveats(missing),
            *(trails.damaged if trails else ()),
        ],
        "disturbances": _disturbances(history.events, disturbances),
        "checks": [
            _check(
                parts.shown(verdict.check, history) if parts else history,
                verdict,
                required,
                trails,
            )
            for verdict in verdicts
        ],
        "objectives": [_objective(result) for result in judged],
        "faults": [
            _lived_through(history, fault, recoveries[fault.id]) for fault in history.events.faults
        ],
        "cutovers": _cutovers(history.events),
        "windows": [_window(history.events, window) for window in run.windows.values()],
        "latency": _latency(run),
        "series": time_series.per_second(history),
        "heat_maps": heat_map.of(history),
    }
    return body | {"grades": guarantees.grades(body, problems)}, reasons


def _without_history(events: Events, scenario: scenarios.Scenario) -> dict[str, Any]:
    unknown = Recovery(None, 0, "the history cannot be judged")
    return {
        "counts": {},
        "acked_share": {},
        "leftovers": {},
        "caveats": list(errors.caveats(events, scenario, {})),
        "disturbances": {},
        "checks": [],
        "objectives": [],
        "faults": [_fault(events, fault, unknown) for fault in events.faults],
        "cutovers": _cutovers(events),
        "windows": [],
        "latency": {},
        "series": {},
        "heat_maps": {},
        "grades": [],
    }


def _disturbances(events: Events, found: Disturbances) -> dict[str, Any]:
    return {
        "disconnects": found.disconnects,
        "unanswered": found.unanswered,
        "first_at_s": events.at_s(found.first_ns),
        "last_at_s": events.at_s(found.last_ns),
    }


def _check(
    history: History, verdict: Verdict, required: set[str], trails: Trails | None
) -> dict[str, Any]:
    return {
        "id": verdict.check,
        "required": verdict.check in required,
        "verdict": verdict.outcome.value,
        "sentence": verdict.sentence,
        "examined": verdict.examined,
        "count": verdict.count,
        "witnesses": evidence.evidence_of(history, verdict, trails),
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


def _lived_through(history: History, fault: FaultTimes, found: Recovery) -> dict[str, Any]:
    return _fault(history.events, fault, found, fault_phases.measure(history, fault, found))


def _fault(
    events: Events,
    fault: FaultTimes,
    found: Recovery,
    lived: tuple[Phases, Cost] | None = None,
) -> dict[str, Any]:
    phases, cost = lived or (Phases(), None)
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
    return math.inf if t_ns == NEVER else events.at_s(t_ns)


def _exposure(fault: FaultTimes) -> dict[str, Any] | None:
    found = fault.exposure
    if found is None:
        return None
    return {"connections": found.connections, "messages": found.messages, "bytes": found.bytes}


def _guards(events: Events, scenario: scenarios.Scenario) -> list[dict[str, Any]]:
    """Return every guard of the scenario; the one that stopped the load has a time and a value."""
    stop = events.guard
    return [
        {
            "condition": guards.condition(guard),
            "fired": (fired := stop is not None and stop.index == index),
            "at_s": events.at_s(stop.t_ns) if stop is not None and fired else None,
            "value": stop.value if stop is not None and fired else None,
            "sentence": f"{stop.sentence}." if stop is not None and fired else "It did not fire.",
        }
        for index, guard in enumerate(scenario.guards)
    ]


def _cutovers(events: Events) -> list[dict[str, Any]]:
    return [
        {
            "id": cutover.id,
            "steps": [{"state": state, "at_s": events.at_s(t_ns)} for state, t_ns in cutover.steps],
            "reason": cutover.reason,
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
        "without": [[at_s(start_ns), at_s(end_ns)] for start_ns, end_ns in window.excluded],
        "unknown": window.unknown,
    }


def _latency(run: IndicatorInput) -> dict[str, Any]:
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


def _plain(value: Any) -> Any:
    """Return a value for JSON, which has no infinity: `inf`. Other floats keep six decimals."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return "inf" if math.isinf(value) else round(value, 6)
    return value
