"""Judges the objectives of the scenario: an indicator over a window, compared with a value."""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gauntlet.core.scenario.model import Objective
from gauntlet.reports import formatting
from gauntlet.reports.checks.finding import Outcome
from gauntlet.reports.metrics.harness_health import GENERATOR, MACHINE, PROXY, HarnessHealth
from gauntlet.reports.metrics.indicators import INDICATORS, NEED_PUNCTUAL_SENDS
from gauntlet.reports.metrics.indicators.base import IndicatorInput, Measurement

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_OPERATORS_IN_WORDS = {"<": "less than", "<=": "at most", ">": "more than", ">=": "at least"}

_LIMITS = {
    GENERATOR: "the load generator was at its limit",
    PROXY: "a fault proxy was at its limit",
    MACHINE: "the machine had no spare core",
}

# A value is judged only if it is at least this many times the error of the hosts' clocks.
CLOCK_ERRORS_MIN = 10


@dataclass(frozen=True)
class Judged:
    """An objective and its outcome: valid, invalid, or unknown.

    `unknown` is a clause with the reason why the outcome is unknown, else empty. With `at_least`,
    `value` is a lower bound. `excused`: it is unknown only because the window of a fault is too
    short for a percentile, which does not make the run inconclusive.
    """

    objective: Objective
    outcome: Outcome
    value: float | None
    samples: int
    sentence: str
    unknown: str = ""
    at_least: bool = False
    excused: bool = False


def judge_all(run: IndicatorInput, health: HarnessHealth) -> list[Judged]:
    """Return every objective of the scenario with its outcome, in the scenario's order."""
    limited = describe_limit(health)
    return [judge_objective(objective, run, limited) for objective in run.history.scenario.sla]


def describe_limit(health: HarnessHealth) -> str:
    """Return a clause if the harness or the machine was at its limit."""
    return f"{_LIMITS[health.status]} ({health.status})" if health.limits else ""


def describe_clock_error(objective: Objective, run: IndicatorInput) -> str:
    """Return a clause if the error of the hosts' clocks is too large for this objective's value.

    All times of a message come from one worker, so a latency is in doubt only where a fault, whose
    times come from the master, decides which messages count. A recovery begins with a fault's heal.
    """
    events, value = run.history.events, objective.value
    is_latency = objective.indicator.startswith(("ack_", "delivery_"))
    depends_on_faults = is_latency and objective.window != "run"
    if not events.faults or not (depends_on_faults or objective.indicator == "recovery_ms"):
        return ""
    error_ms = events.clocks.error_ms
    if value >= CLOCK_ERRORS_MIN * error_ms:
        return ""
    return (
        f"the clocks of the hosts agree only within {formatting.ms(error_ms)}, "
        f"and {formatting.ms(value)} is less than {CLOCK_ERRORS_MIN} times that"
    )


def judge_objective(objective: Objective, run: IndicatorInput, limited: str) -> Judged:
    """Return an objective with its outcome; `limited` makes latencies unknown.

    A value that is a range must meet the objective at both ends: what had not arrived when the run
    ended counts as if it never arrived, so neither a loss nor an early end can meet an objective.
    """
    window = run.windows[objective.window]
    measurement = INDICATORS[objective.indicator](run, window)
    unknown = window.unknown or measurement.unknown or _too_few_samples(objective, measurement)
    too_rough = _too_rough(objective, measurement)
    if objective.indicator in NEED_PUNCTUAL_SENDS:
        unknown = unknown or limited
    unknown = unknown or describe_clock_error(objective, run)
    excused = bool(too_rough) and not unknown and ":" in objective.window
    unknown = unknown or too_rough
    name = objective.indicator
    subject = f"{name} {formatting.window(objective.window)}"
    required = (
        f"the objective requires {_OPERATORS_IN_WORDS[objective.op]} "
        f"{formatting.measured(name, objective.value)}"
    )
    if unknown or measurement.value is None:
        sentence = f"{subject} is unknown because {unknown}; {required}."
        value, samples = measurement.value, measurement.samples
        return Judged(
            objective, Outcome.UNKNOWN, value, samples, sentence, unknown, excused=excused
        )
    at_least = measurement.upper_bound is not None
    upper_bound = measurement.value if measurement.upper_bound is None else measurement.upper_bound
    compare = OPERATORS[objective.op]
    met = all(compare(end, objective.value) for end in (measurement.value, upper_bound))
    if limited and not met and _machine_may_explain(objective, measurement):
        sentence = f"{subject} is unknown because {limited}; {required}. {measurement.detail}"
        value, samples = measurement.value, measurement.samples
        return Judged(objective, Outcome.UNKNOWN, value, samples, sentence.rstrip(), limited)
    measured = formatting.measured(name, measurement.value, at_least=at_least)
    if at_least:
        measured += " (a lower bound, because some had not arrived when the run ended)"
    return Judged(
        objective,
        Outcome.VALID if met else Outcome.INVALID,
        measurement.value,
        measurement.samples,
        f"{subject} is {measured}; {required}. {'' if met else measurement.detail}".rstrip(),
        at_least=at_least,
    )


def _machine_may_explain(objective: Objective, measurement: Measurement) -> bool:
    """Whether an objective is met by what a machine at its limit certainly did not cause."""
    surely = measurement.surely
    return surely is not None and OPERATORS[objective.op](surely, objective.value)


def _too_few_samples(objective: Objective, measurement: Measurement) -> str:
    needed = max(1, objective.min_samples)
    if measurement.samples >= needed:
        return ""
    verb = "is" if needed == 1 else "are"
    return (
        f"the number of samples is {measurement.samples:,}, and at least {needed:,} {verb} needed"
    )


def _too_rough(objective: Objective, measurement: Measurement) -> str:
    """Return a clause if a percentile has too few samples, however few the scenario requires.

    With fewer than 100 samples, p99 is the largest. One slow message among them may be a matter of
    chance, and so may none be. Two that miss the objective are a violation, as among 100.
    """
    if measurement.samples >= measurement.samples_min:
        return ""
    reached, is_limit = measurement.reached_by_two, objective.op in ("<", "<=")
    if is_limit and reached is not None and not OPERATORS[objective.op](reached, objective.value):
        return ""
    return (
        f"the percentile needs at least {measurement.samples_min:,} samples, and there are "
        f"{measurement.samples:,}"
    )


def caveats(judged: list[Judged]) -> Iterator[str]:
    """Yield a sentence about unknown objectives that do not make the run inconclusive."""
    excused = [result.objective.id for result in judged if result.excused]
    if excused:
        yield (
            f"Not judged, because the window of the fault has too few samples for a percentile: "
            f"{', '.join(excused)}. Set min_samples to require them."
        )
