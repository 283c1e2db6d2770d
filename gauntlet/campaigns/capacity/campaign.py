"""The campaign: searches, the levels of the unit costs, and what they say together."""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from gauntlet.campaigns import record_files
from gauntlet.campaigns.capacity import cost_levels, costs, limits, search, variations
from gauntlet.campaigns.capacity.record import (
    Capacity,
    Machine,
    Objective,
    Run,
    Scenario,
    Sustainable,
    System,
    Trial,
)
from gauntlet.campaigns.capacity.trials import TrialRequest, TrialRunner
from gauntlet.campaigns.capacity.variations import Variation
from gauntlet.campaigns.progress import Say
from gauntlet.core.errors import ConfigError, Exit, Interrupted, first_exit
from gauntlet.runner.system_metrics.metrics_file import Size

# After one of these, further trials would end in the same way, or do harm.
_ABORTING = (Exit.CONFIG, Exit.ROLLBACK)


class Plan(NamedTuple):
    """What a campaign does, and what it is about.

    `source` says where the use of the components comes from, and `metrics` is a digest of the file
    that says so. `sizes` are what components can use, where that is stated.
    """

    variation: Variation
    searches: Sequence[search.SearchPlan]
    with_costs: bool
    machine: Machine
    labels: dict[str, str]
    source: str = "run directory"
    metrics: str = ""
    sizes: Mapping[str, Size] = MappingProxyType({})

    @property
    def digest(self) -> str:
        """A digest of what makes trials comparable: load, system, its labels, and the machine."""
        part = [variations.digest(self.variation), self.labels, self.machine, self.metrics]
        return hashlib.sha256(msgspec.json.encode(part, order="sorted")).hexdigest()


class StoredTrial(msgspec.Struct, frozen=True):
    """One line of the records: a trial, and the digest of the plan that it belongs to."""

    plan: str
    trial: Trial


class Stopped(NamedTuple):
    """Why a campaign ended early: its exit code, and the reason."""

    code: Exit
    reason: str


class Campaign:
    """Makes the trials that the records do not have yet."""

    def __init__(self, plan: Plan, runner: TrialRunner, records: Path, say: Say) -> None:
        self._plan = plan
        self._runner = runner
        self._records = records
        self._say = say
        self._digest = plan.digest
        stored = record_files.read(records, StoredTrial)
        self._trials = [each.trial for each in stored if each.plan == self._digest]
        if self._trials:
            say(f"{len(self._trials)} trials are in {records} already")

    def run(self) -> tuple[Capacity, Exit]:
        """Make the trials; return the record, and the exit code of the campaign."""
        stopped: Stopped | None = None
        try:
            for plan in self._plan.searches:
                self._search(plan)
            if self._plan.with_costs:
                self._cost_levels()
        except (Interrupted, KeyboardInterrupt):
            stopped = Stopped(Exit.INTERRUPTED, "The campaign was interrupted.")
        except _AbortError as error:
            stopped = Stopped(error.code, str(error))
        return self._assembled(stopped), self._exit_code(stopped)

    def _search(self, plan: search.SearchPlan) -> None:
        """Make the trials of one search, from where the last one ended."""
        plan = plan._replace(start=self._start_of(plan))
        while (level := search.next_level(plan, self._tried(plan))) is not None:
            judged = any(each.outcome != "refused" for each in self._tried(plan))
            try:
                scenario = variations.at_level(self._plan.variation, plan.what, plan.during, level)
            except ConfigError as error:
                if not judged:
                    raise
                self._keep(_refused(plan, level, str(error)))
                continue
            # Once a level was possible, another that is not has met a limit of this machine.
            aborting: tuple[Exit, ...] = (Exit.ROLLBACK,) if judged else _ABORTING
            self._make(TrialRequest(plan.what, plan.during, level, scenario), aborting)
        found = search.outcome(plan, self._tried(plan))
        self._say(sentence(found))

    def _start_of(self, plan: search.SearchPlan) -> float:
        """Return where to start: near what holds without a disturbance, if that is known."""
        steady = [each for each in self._plan.searches if each.what == plan.what]
        if plan.during == "steady" or not steady or steady[0].during != "steady":
            return plan.start
        return search.outcome(steady[0], self._tried(steady[0])).low or plan.start

    def _cost_levels(self) -> None:
        known = {each.step for each in self._trials if each.outcome != "refused"}
        rate_per_s, fan_out = self._highest()
        for level in cost_levels.levels(self._plan.variation, rate_per_s, fan_out):
            if level.name in known:
                continue
            request = TrialRequest(
                "rate_per_s", "steady", level.rate_per_s, level.scenario, level.name
            )
            trial = self._make(request, aborting=(Exit.ROLLBACK,))
            if trial.outcome == "refused" and trial.exit_code != Exit.CONFIG:
                self._make(request, aborting=_ABORTING)  # once more: a neighbour may have been busy

    def _highest(self) -> tuple[float, float]:
        """Return the highest rate that held, or that of the scenario, and its fan-out."""
        held = [
            each
            for each in self._trials
            if (each.what, each.during, each.outcome, each.step)
            == ("rate_per_s", "steady", "held", "")
        ]
        if not held:
            return self._plan.variation.scenario.load.rate_per_s, 1.0
        top = max(held, key=lambda each: each.level)
        messages = top.measured.get("message", 0.0)
        return top.level, top.measured.get("delivery", messages) / messages if messages else 1.0

    def _make(self, request: TrialRequest, aborting: tuple[Exit, ...] = _ABORTING) -> Trial:
        trial = self._runner.run(request)
        self._keep(trial)
        reason = f": {trial.reason}" if trial.reason else ""
        self._say(f"{request.name}: {trial.outcome}{reason}")
        if trial.exit_code in aborting:
            raise _AbortError(Exit(trial.exit_code), trial.reason)
        return trial

    def _keep(self, trial: Trial) -> None:
        self._trials.append(trial)
        record_files.append(self._records, StoredTrial(self._digest, trial))

    def _tried(self, plan: search.SearchPlan) -> list[search.TrialResult]:
        return [
            search.TrialResult(each.level, each.outcome, each.reason)
            for each in self._trials
            if each.what == plan.what and each.during == plan.during and not each.step
        ]

    def _found(self) -> list[tuple[search.SearchPlan, Sustainable]]:
        return [(plan, search.outcome(plan, self._tried(plan))) for plan in self._plan.searches]

    def _assembled(self, stopped: Stopped | None) -> Capacity:
        plan, scenario = self._plan, self._plan.variation.scenario
        found = self._found()
        fitted = costs.fit(self._trials, plan.source) if plan.with_costs else costs.Costs((), ())
        available = limits.Available(plan.machine, scenario.target.stack, plan.sizes)
        missing = [
            *([stopped.reason] if stopped else []),
            *(_open(sought, sustainable) for sought, sustainable in found),
            *([] if plan.with_costs else ["Unit costs: not asked for."]),
            *fitted.not_measured,
            limits.unknown(self._trials, available),
        ]
        runs = {each.run.directory: each.run for each in self._trials if each.run is not None}
        return Capacity(
            created_utc=dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            system=System(
                adapter=scenario.target.adapter, stack=scenario.target.stack, labels=plan.labels
            ),
            machine=plan.machine,
            scenario=Scenario(name=scenario.name, sha256=variations.digest(plan.variation)),
            sla=_sla(plan.variation),
            runs=tuple(Run(directory=key, sha256=run.sha256) for key, run in runs.items()),
            sustainable=tuple(sustainable for _, sustainable in found),
            unit_costs=fitted.unit_costs,
            limits_first=limits.first(self._trials, available),
            not_measured=tuple(dict.fromkeys(filter(None, missing))),
            trials=tuple(self._trials),
        )

    def _exit_code(self, stopped: Stopped | None) -> Exit:
        """Return the most severe of what happened.

        That a level fails is what a search looks for. A lost message is a failure at any level, and
        so is an SLA that no level keeps; a search without two bounds is inconclusive.
        """
        codes = {stopped.code} if stopped else set[Exit]()
        codes |= {Exit(each.exit_code) for each in self._trials if each.exit_code == Exit.ROLLBACK}
        if any(each.violated for each in self._trials):
            codes.add(Exit.FAILED)
        for plan, found in self._found():
            if found.low is None and found.high is not None:
                codes.add(Exit.FAILED)
            elif not search.is_bracketed(plan, found):
                codes.add(Exit.INCONCLUSIVE)
        if self._trials and all(each.exit_code == Exit.HARNESS for each in self._trials):
            codes.add(Exit.HARNESS)
        return first_exit(codes)


def _refused(plan: search.SearchPlan, level: float, reason: str) -> Trial:
    """Return the trial of a level at which no run is possible."""
    return Trial(
        what=plan.what,
        during=plan.during,
        level=level,
        outcome="refused",
        reason=reason,
        run=None,
        exit_code=int(Exit.CONFIG),
    )


class _AbortError(Exception):
    """A trial ended so that further ones would end in the same way, or do harm."""

    def __init__(self, code: Exit, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def sentence(found: Sustainable) -> str:
    """Return what a search found, in one sentence."""
    unit = "/s" if found.what == "rate_per_s" else " connections"
    when = "in steady load" if found.during == "steady" else f"during {found.during}"
    sure = f"confidence {found.confidence:.0%}, {found.repeats} trials at each bound"
    if found.low is None and found.high is None:
        return f"No level could be judged {when}. {found.limited_by}".strip()
    if found.low is None:
        return f"No level held {when}: {found.high:g}{unit} failed ({sure}). {found.limited_by}"
    if found.high is None:
        return f"At least {found.low:g}{unit} hold {when} ({sure}). {found.limited_by}"
    return (
        f"{found.low:g}{unit} hold {when}, {found.high:g}{unit} do not ({sure}). {found.limited_by}"
    ).strip()


def _open(plan: search.SearchPlan, found: Sustainable) -> str:
    """Return what a search leaves open, "" if nothing."""
    if search.is_bracketed(plan, found) or (found.low is None and found.high is not None):
        return ""
    unit = "rate" if found.what == "rate_per_s" else "connection count"
    return f"The highest {unit} ({found.during}): {found.limited_by}"


def _sla(variation: Variation) -> tuple[Objective, ...]:
    further = {each.id: each for each in variation.objectives}
    chosen = {**{each.id: each for each in variation.scenario.sla}, **further}
    return tuple(
        Objective(
            id=each.id,
            indicator=each.indicator,
            op=each.op,
            value=each.value,
            window=each.window,
        )
        for each in chosen.values()
        if each.severity == "fail"
    )
