"""The scenario's objectives: an indicator over a window, compared with a value."""

import operator
from collections.abc import Callable
from dataclasses import dataclass

from gauntlet.core.scenario.model import Objective
from gauntlet.reports import formatting
from gauntlet.reports.checks.finding import Outcome
from gauntlet.reports.metrics import harness_health
from gauntlet.reports.metrics.indicators import INDICATORS, NEED_PUNCTUAL_SENDS, Facts, Value

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

CLOCK_ERRORS_MIN = 10  # an objective's value, in errors of the clocks that its window rests on


@dataclass(frozen=True)
class Judged:
    """An objective and how it came out: valid, invalid, or unknown for a reason.

    With `at_least`, `value` is a lower bound.
    """

    objective: Objective
    outcome: Outcome
    value: float | None
    samples: int
    sentence: str
    unknown: str = ""
    at_least: bool = False


def judge_all(facts: Facts) -> list[Judged]:
    """Every objective of the scenario, in its order."""
    limited = generator_limited(facts)
    return [judge_one(objective, facts, limited) for objective in facts.history.scenario.sla]


def generator_limited(facts: Facts) -> str:
    """Why latencies and capacity are not known: the generator was late where nothing was broken."""
    lag_ms = INDICATORS["lag_p99_ms"](facts, facts.windows["steady"]).value
    late = harness_health.late_by(lag_ms, facts.history.scenario.load.lag_budget_ms)
    return f"generator-limited: {late}" if late else ""


def clocks_apart(objective: Objective, facts: Facts) -> str:
    """Why two hosts' clocks do not allow an answer: the value is too near to their error.

    A message's own times are one worker's, so a latency is in doubt only where a fault, whose times
    are the master's, says which messages count. A recovery begins with a fault's heal.
    """
    events, value = facts.history.events, objective.value
    timed = objective.indicator.startswith(("ack_", "delivery_"))
    edged = timed and objective.window != "run"
    if not events.faults or not (edged or objective.indicator == "recovery_ms"):
        return ""
    error_ms = events.clocks.error_ms
    if value >= CLOCK_ERRORS_MIN * error_ms:
        return ""
    known = f"the hosts' clocks are known within {error_ms:.3g} ms"
    return f"{known}, and {value:g} ms is under {CLOCK_ERRORS_MIN} times that"


def judge_one(objective: Objective, facts: Facts, limited: str) -> Judged:
    """One objective. Too few samples, a fault without proof, or a late generator: unknown.

    A value that is a range has to meet it at both ends: what had not come when the run ended counts
    as if it never came, so that neither a loss nor an early end can meet an objective.
    """
    window = facts.windows[objective.window]
    measured = INDICATORS[objective.indicator](facts, window)
    unknown = window.unknown or measured.unknown or _too_few(objective, measured)
    if objective.indicator in NEED_PUNCTUAL_SENDS:
        unknown = unknown or limited
    unknown = unknown or clocks_apart(objective, facts)
    name = objective.indicator
    wanted = f"wanted {objective.op} {formatting.measured(name, objective.value)}"
    where = f"{name} in {objective.window}"
    if unknown or measured.value is None:
        sentence = f"{where} is not known, {unknown}; {wanted}."
        value, samples = measured.value, measured.samples
        return Judged(objective, Outcome.UNKNOWN, value, samples, sentence, unknown)
    ends = (measured.value, measured.value if measured.most is None else measured.most)
    met = all(OPERATORS[objective.op](end, objective.value) for end in ends)
    at_least = measured.most is not None
    told = formatting.measured(name, measured.value, at_least=at_least)
    if at_least:
        told += ", for some never came"
    return Judged(
        objective,
        Outcome.VALID if met else Outcome.INVALID,
        measured.value,
        measured.samples,
        f"{where} is {told}; {wanted}.",
        at_least=at_least,
    )


def _too_few(objective: Objective, measured: Value) -> str:
    needed = max(1, objective.min_samples)
    return "" if measured.samples >= needed else f"{measured.samples} samples of {needed} needed"
