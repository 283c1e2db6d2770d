"""`gauntlet capacity`: the highest load that a system sustains, and what each unit of it costs."""

import argparse
import math
from pathlib import Path

import msgspec

from gauntlet.campaigns.capacity import variations
from gauntlet.campaigns.capacity.campaign import Campaign, Plan
from gauntlet.campaigns.capacity.outputs import terminal, writing
from gauntlet.campaigns.capacity.record import During, Machine, What
from gauntlet.campaigns.capacity.search import SearchPlan
from gauntlet.campaigns.capacity.trials import Runner
from gauntlet.campaigns.capacity.variations import Variation
from gauntlet.campaigns.progress import say
from gauntlet.core import labels, run_directory
from gauntlet.core.errors import ConfigError, Exit
from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.model import Scenario, WorkloadShare
from gauntlet.core.scenario.overrides import settings, sla_file
from gauntlet.runner import manifest
from gauntlet.runner.system_metrics import metrics_file
from gauntlet.runner.system_metrics.sampler import Sampler
from gauntlet.scenarios import library

_REPEATS_MAX = 20
_TRIALS_MAX = 1000
_RESOLUTION_MIN, _RESOLUTION_MAX = 0.01, 0.5
_RATE_MAX = 1e6
_SEARCHED: dict[str, tuple[What, ...]] = {
    "rate": ("rate_per_s",),
    "connections": ("connections",),
    "both": ("rate_per_s", "connections"),
    "none": (),
}


def run(options: argparse.Namespace) -> Exit:
    """Run a campaign; the exit code is the most severe of what happened."""
    plan = plan_of(options)
    metrics = _metrics(plan.variation.scenario, options)
    if metrics is not None:
        plan = plan._replace(source=metrics.source, metrics=metrics.digest, sizes=metrics.sizes)
    sampler = None if metrics is None else Sampler(metrics)
    folder = options.out / run_directory.run_id(plan.variation.scenario.name, 0)
    try:
        folder.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise ConfigError(
            f"--out must be a folder that can be written to; got {options.out}"
        ) from error
    child_options = [f"--label={name}={value}" for name, value in plan.labels.items()]
    child_options += ["--allow-exec"] if options.allow_exec else []
    child_options += ["--bug", options.bug] if options.bug else []
    runner = Runner(folder / "runs", tuple(child_options), sampler)
    records: Path = options.records or folder / "records.jsonl"
    record, code = Campaign(plan, runner, records, say).run()
    writing.write(record, folder)
    say("")
    for line in terminal.lines(record):
        say(line)
    say(f"capacity-directory: {folder}")
    return code


def plan_of(options: argparse.Namespace) -> Plan:
    """Return what the campaign does; ConfigError if an option is not valid."""
    scenario = settings.apply(library.find(options.scenario), options.set)
    variations.check(scenario)
    sla = sla_file.read(options.sla) if options.sla is not None else sla_file.Sla()
    if sla.relative:
        raise ConfigError(
            f"{options.sla}: {sla.relative[0].id!r:.60} is relative to a baseline; capacity needs "
            "absolute objectives"
        )
    if not 0 < options.storm_percent <= 100:
        raise ConfigError(
            f"--storm-percent must be above 0 and at most 100; got {options.storm_percent:g}"
        )
    variation = Variation(
        scenario, sla.absolute, options.victim, options.storm_percent, options.bug or ""
    )
    searches = _searches(options, variation)
    for search in searches:
        variations.at_level(variation, search.what, search.during, search.start)
    _check_windows(variation, searches)
    return Plan(
        variation=variation,
        searches=searches,
        with_costs=not options.no_unit_costs,
        machine=msgspec.convert(manifest.machine(), Machine),
        labels=labels.parse(options.labels),
    )


def _searches(options: argparse.Namespace, variation: Variation) -> list[SearchPlan]:
    """Return the searches in their order: without a disturbance first."""
    load = variation.scenario.load
    starts: dict[What, float] = {
        "rate_per_s": load.rate_per_s if options.start is None else options.start,
        "connections": float(load.users * load.devices),
    }
    least: dict[What, float] = {"rate_per_s": 1.0, "connections": _connections_min(variation)}
    most: dict[What, float] = {
        "rate_per_s": math.inf if options.max is None else options.max,
        "connections": math.inf,
    }
    _check_shape(options, starts["rate_per_s"])
    chosen: list[During] = sorted(set(options.during or ["steady"]), key=_order)
    return [
        SearchPlan(
            what=what,
            during=during,
            start=starts[what],
            least=least[what],
            most=most[what],
            resolution=sla_file.parse_percent(options.resolution, "--resolution"),
            repeats=options.repeats,
            trials_max=options.trials,
        )
        for during in chosen
        for what in _SEARCHED[options.search]
    ]


def _order(during: During) -> tuple[bool, str]:
    return during != "steady", during


def _connections_min(variation: Variation) -> float:
    """Return the fewest connections with which every conversation has its members."""
    load = variation.scenario.load
    sizes = [size for name, share in load.shares().items() for size in _sizes(name, share)]
    return float(max([variations.USERS_MIN, *sizes]) * load.devices)


def _sizes(name: str, share: WorkloadShare) -> list[int]:
    """Return the sizes of the conversations of a workload, as far as they are fixed."""
    listed = [] if isinstance(share.sizes, str) else [size for size, _ in share.sizes]
    return [share.size, *listed] if catalog.WORKLOADS[name].sized else listed


def _check_shape(options: argparse.Namespace, start: float) -> None:
    if not 1 <= start <= _RATE_MAX:
        raise ConfigError(f"--start must be between 1 and {_RATE_MAX:g}; got {start:g}")
    if options.max is not None and not start <= options.max <= _RATE_MAX:
        raise ConfigError(
            f"--max must be between the first rate, {start:g}, and {_RATE_MAX:g}; got "
            f"{options.max:g}"
        )
    if not 1 <= options.repeats <= _REPEATS_MAX:
        raise ConfigError(f"--repeats must be between 1 and {_REPEATS_MAX}; got {options.repeats}")
    if not 1 <= options.trials <= _TRIALS_MAX:
        raise ConfigError(f"--trials must be between 1 and {_TRIALS_MAX}; got {options.trials}")
    resolution = sla_file.parse_percent(options.resolution, "--resolution")
    if not _RESOLUTION_MIN <= resolution <= _RESOLUTION_MAX:
        raise ConfigError(
            f"--resolution must be between {_RESOLUTION_MIN:.0%} and {_RESOLUTION_MAX:.0%}; got "
            f"{options.resolution}"
        )


def _check_windows(variation: Variation, searches: list[SearchPlan]) -> None:
    """Refuse an objective whose window no trial has: it would never be judged."""
    windows = {*variation.scenario.windows()}
    windows |= {f"{part}:{each.during}" for each in searches for part in ("fault", "recovery")} - {
        "fault:steady",
        "recovery:steady",
    }
    for each in variation.objectives:
        if each.window not in windows:
            raise ConfigError(
                f"the window of {each.id!r:.60} must be one of: {', '.join(sorted(windows))}; got "
                f"{each.window!r:.60}"
            )


def _metrics(scenario: Scenario, options: argparse.Namespace) -> metrics_file.Metrics | None:
    if options.metrics is None:
        return None
    return metrics_file.read(options.metrics, scenario, allow_exec=options.allow_exec)
