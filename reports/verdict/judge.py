"""Judges a run directory. The same directory gives the same result, byte for byte."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gauntlet.core.errors import HistoryError
from gauntlet.core.run_directory import SCHEMA_VERSION, RunDir, read_jsonl
from gauntlet.core.scenario import model as scenarios
from gauntlet.core.scenario import traits
from gauntlet.core.scenario.capabilities import (
    ATTENDANCE,
    CAPABILITIES,
    DEVICES,
    MEMBERS_ONLY,
    TIMESTAMPS,
)
from gauntlet.reports import checks, damage
from gauntlet.reports.artifacts import artifacts
from gauntlet.reports.checks.finding import Verdict
from gauntlet.reports.history import workers
from gauntlet.reports.history.events import Events, collect_events
from gauntlet.reports.history.history import History, load_history
from gauntlet.reports.history.marks import apply_marks
from gauntlet.reports.history.records import examine, without_damaged_workers
from gauntlet.reports.metrics import (
    exposure,
    fault_phases,
    harness_health,
    heat_map,
    leftovers,
    recovery,
    time_series,
    totals,
    windows,
)
from gauntlet.reports.metrics.client_evidence import find_disturbances, with_client_proofs
from gauntlet.reports.metrics.indicators import connection_ends
from gauntlet.reports.metrics.indicators.base import IndicatorInput
from gauntlet.reports.metrics.recovery import Recovery
from gauntlet.reports.parts.judged_parts import JudgedParts
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
    result_entries,
    task_errors,
    unjudged,
)
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
    result["guards"] = result_entries.guards(events, scenario)
    result["workers"] = workers.worker_table(rows, events.lost)
    result["self_audit"] = harness_health_text.self_audit(health)
    result["artifacts"] = artifacts(result)
    return {key: result_entries.plain(value) for key, value in result.items()}


def _load(
    run: RunDir,
    scenario: scenarios.Scenario,
    events: Events,
    manifest: dict[str, Any],
    surveys: Surveys,
    sizes: Sizes | None,
) -> tuple[JudgedParts | None, History]:
    """Return the history of a run, and what its parts showed if it was judged in parts."""
    described = (run, scenario, events, capabilities(manifest), traits.from_manifest(manifest))
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
        return load_history(
            run, scenario, events, capabilities(manifest), traits.from_manifest(manifest)
        )


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
            "traits": traits.to_builtins(traits.from_manifest(manifest)),
            "bug": manifest.get("bug"),
            "duration_s": manifest.get("imported", {}).get("duration_s", scenario.load.duration_s),
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
    without_evidence: unjudged.Unjudged,
    health: harness_health.HarnessHealth,
    trails: Trails | None,
    parts: JudgedParts | None,
) -> tuple[dict[str, Any], list[Reason]]:
    history, recoveries, lost = run.history, run.recoveries, run.history.events.lost
    found = parts.verdicts(history) if parts else checks.run_all(history)
    missing = without_evidence.missing
    verdicts = unjudged.downgrade(found, missing)
    verdicts = lost_workers.downgrade_checks(verdicts, lost)
    verdicts = [evidence.with_moments(history, verdict) for verdict in verdicts]
    excused = unjudged.excused(verdicts, required, without_evidence)
    required = required - {verdict.check for verdict in excused}
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
            *unjudged.caveats(missing, excused),
            *(trails.damaged if trails else ()),
        ],
        "disturbances": result_entries.disturbances(history.events, disturbances),
        "connections": connection_ends.of_run(run),
        "checks": list(_checks(verdicts, history, required, trails, parts)),
        "objectives": [result_entries.of_objective(result) for result in judged],
        "faults": list(_faults(history, recoveries)),
        "cutovers": result_entries.cutovers(history.events),
        "windows": [
            result_entries.of_window(history.events, window) for window in run.windows.values()
        ],
        "latency": result_entries.latencies(run),
        "series": time_series.per_second(history),
        "heat_maps": heat_map.build(history),
    }
    return body | {"grades": guarantees.grades(body, problems)}, reasons


def _checks(
    verdicts: Iterable[Verdict],
    history: History,
    required: set[str],
    trails: Trails | None,
    parts: JudgedParts | None,
) -> Iterator[dict[str, Any]]:
    for verdict in verdicts:
        shown = parts.shown(verdict.check, history) if parts else history
        yield result_entries.of_check(shown, verdict, required, trails)


def _faults(history: History, recoveries: Mapping[str, Recovery]) -> Iterator[dict[str, Any]]:
    for fault in history.events.faults:
        found = recoveries[fault.id]
        measured = fault_phases.measure(history, fault, found)
        yield result_entries.of_fault(history.events, fault, found, measured)


def _without_history(events: Events, scenario: scenarios.Scenario) -> dict[str, Any]:
    unknown = Recovery(None, 0, "the history cannot be judged")
    return {
        "counts": {},
        "acked_share": {},
        "leftovers": {},
        "caveats": list(errors.caveats(events, scenario, {})),
        "disturbances": {},
        "connections": None,
        "checks": [],
        "objectives": [],
        "faults": [result_entries.of_fault(events, fault, unknown) for fault in events.faults],
        "cutovers": result_entries.cutovers(events),
        "windows": [],
        "latency": {},
        "series": {},
        "heat_maps": {},
        "grades": [],
    }
