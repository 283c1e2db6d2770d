"""The scenario's objectives: an indicator over a window, compared with a value."""

import operator
from collections.abc import Callable
from dataclasses import dataclass

from gauntlet.kernel.scenario import Objective
from reports import shown
from reports.checks.verdict import Outcome
from reports.indicators import INDICATORS, LATENCIES, Facts, Value

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Judged:
    """An objective and how it came out: valid, invalid, or unknown for a reason."""

    objective: Objective
    outcome: Outcome
    value: float | None
    samples: int
    sentence: str
    unknown: str = ""


def judge_all(facts: Facts) -> list[Judged]:
    """Every objective of the scenario, in its order."""
    limited = generator_limited(facts)
    return [judge_one(objective, facts, limited) for objective in facts.history.scenario.sla]


def generator_limited(facts: Facts) -> str:
    """Why latencies cannot be trusted: the generator itself was late where nothing was broken."""
    budget_ms = facts.history.scenario.load.lag_budget_ms
    lag_ms = INDICATORS["lag_p99_ms"](facts, facts.windows["steady"]).value
    if lag_ms is None or lag_ms <= budget_ms:
        return ""
    return f"generator-limited: its own lag p99 was {lag_ms:.1f} ms, over {budget_ms:g} ms"


def judge_one(objective: Objective, facts: Facts, limited: str) -> Judged:
    """One objective. Too few samples, a fault without proof, or a late generator: unknown."""
    window = facts.windows[objective.window]
    measured = INDICATORS[objective.indicator](facts, window)
    unknown = window.unknown or measured.unknown or _too_few(objective, measured)
    if objective.indicator in LATENCIES:
        unknown = unknown or limited
    name = objective.indicator
    wanted = f"wanted {objective.op} {shown.measured(name, objective.value)}"
    where = f"{name} in {objective.window}"
    if unknown or measured.value is None:
        sentence = f"{where} is not known, {unknown}; {wanted}."
        value, samples = measured.value, measured.samples
        return Judged(objective, Outcome.UNKNOWN, value, samples, sentence, unknown)
    met = OPERATORS[objective.op](measured.value, objective.value)
    return Judged(
        objective,
        Outcome.VALID if met else Outcome.INVALID,
        measured.value,
        measured.samples,
        f"{where} is {shown.measured(name, measured.value)}; {wanted}.",
    )


def _too_few(objective: Objective, measured: Value) -> str:
    needed = max(1, objective.min_samples)
    return "" if measured.samples >= needed else f"{measured.samples} samples of {needed} needed"
