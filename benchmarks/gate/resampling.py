"""Gates that are drawn from recorded pairs, and decided by the code of `gauntlet gate`.

A gate is drawn in blocks of pairs that were neighbours, so that its pairs have in common what
neighbours have, such as a slow quarter of an hour (H. R. Künsch, "The Jackknife and the Bootstrap
for General Stationary Observations", Annals of Statistics 17, 1989).
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from benchmarks.gate.records import Pair
from gauntlet.campaigns.gate.comparing import decision, measurements
from gauntlet.campaigns.gate.comparing.calibration import POWER_WANTED
from gauntlet.campaigns.gate.comparing.decision import Answer, Question
from gauntlet.campaigns.gate.outcome import Run, key
from gauntlet.campaigns.gate.suite import Compare
from gauntlet.core.errors import Exit

Ended = Literal["red", "green", "undecided"]

BLOCK = 4
GATES = 1000
EFFECT_MAX, _EFFECT_STEP = 1.0, 0.005
_RED = {Exit.CONFIG, Exit.ROLLBACK, Exit.FAILED, Exit.HARNESS}
_RED_REFERENCE = _RED - {Exit.FAILED}


class Shares(NamedTuple):
    """How many of the drawn gates ended red, and green; the others are undecided."""

    gates: int
    red: int
    green: int


def simulate(
    pairs: Sequence[Pair],
    questions: Sequence[Question],
    compare: Compare,
    gates: int = GATES,
    seed: int = 1,
) -> Shares:
    """Draw gates from recorded pairs and decide each of them."""
    random = np.random.default_rng(seed)
    found = [
        ended(as_runs(draw(pairs, compare.most, random)), questions, compare) for _ in range(gates)
    ]
    return Shares(gates, found.count("red"), found.count("green"))


def draw(pairs: Sequence[Pair], count: int, random: np.random.Generator) -> list[Pair]:
    """Return so many pairs, in blocks of neighbours; the last pair and the first are neighbours."""
    blocks = math.ceil(count / BLOCK)
    starts = random.integers(len(pairs), size=blocks)
    found = [pairs[(start + at) % len(pairs)] for start in starts for at in range(BLOCK)]
    return found[:count]


def as_runs(pairs: Sequence[Pair]) -> list[Run]:
    """Return the runs of a gate with these pairs."""
    return [
        msgspec.structs.replace(run, number=number)
        for number, pair in enumerate(pairs, 1)
        for run in pair
    ]


def ended(runs: Sequence[Run], questions: Sequence[Question], compare: Compare) -> Ended:
    """Return how a gate with these runs ends, which looks at them as often as `compare` says.

    As `Campaign`, which makes its runs while it decides; a test compares the two.
    """
    decided: dict[Question, Answer] = {}
    for look in range(1, compare.looks + 1):
        seen = [run for run in runs if run.number <= min(look * compare.pairs, compare.most)]
        estimates = {each: measurements.against_reference(each, seen) for each in questions}
        answers = {**decision.decide(estimates, compare.alpha, compare.looks), **decided}
        decided = {
            question: answer
            for question, answer in answers.items()
            if answer.outcome in ("regression", "no-regression")
        }
        blocking = [each.outcome for each in answers.values() if each.question.severity == "fail"]
        if "regression" in blocking or any(map(_is_red, seen)):
            return "red"
        if set(blocking) == {"no-regression"}:
            conclusive = [
                run.exit_code != Exit.INCONCLUSIVE for run in seen if run.version == "candidate"
            ]
            return "green" if any(conclusive) else "undecided"
    return "undecided"


def _is_red(run: Run) -> bool:
    return run.exit_code in (_RED if run.version == "candidate" else _RED_REFERENCE)


def effect(pairs: Sequence[Pair], question: Question) -> float:
    """Return the mean change of an indicator as a share; 0 if no pair has it."""
    return math.expm1(_mean(pairs, question))


def noise(pairs: Sequence[Pair], question: Question) -> float:
    """Return the standard deviation of the ratio of a pair, as a share; 0 for fewer than two."""
    values = _worsenings(pairs, question)
    return math.expm1(float(np.std(values, ddof=1))) if len(values) > 1 else 0.0


def usable(pairs: Sequence[Pair], question: Question) -> int:
    """Return how many pairs have the indicator."""
    return len(_worsenings(pairs, question))


def scaled(
    pairs: Sequence[Pair], questions: Sequence[Question], change: float, measure: Question
) -> list[Pair]:
    """Return pairs whose change is as many times larger as brings that of `measure` to `change`.

    Only the mean of each indicator changes; how much the pairs differ from it stays the same.
    ValueError if `measure` has not got worse, so that there is nothing to enlarge.
    """
    measured = _mean(pairs, measure)
    if measured <= 0:
        raise ValueError(f"{measure.title} did not get worse")
    times = math.log1p(change) / measured
    factors = {
        key(each.indicator, each.window): math.exp(
            (1 if each.lower_is_better else -1) * (times - 1) * _mean(pairs, each)
        )
        for each in questions
    }
    return [
        pair._replace(
            candidate=msgspec.structs.replace(
                pair.candidate,
                values={
                    name: value * factors.get(name, 1.0)
                    for name, value in pair.candidate.values.items()
                },
            )
        )
        for pair in pairs
    ]


def smallest(
    pairs: Sequence[Pair],
    questions: Sequence[Question],
    compare: Compare,
    measure: Question,
    gates: int = GATES,
) -> float | None:
    """Return the smallest change of `measure` that is found in 95 % of gates; None if none is.

    Searched in steps of half a percent up to 100 %; a larger change is found more often.
    """

    def found(step: int) -> bool:
        enlarged = scaled(pairs, questions, step * _EFFECT_STEP, measure)
        return simulate(enlarged, questions, compare, gates).red >= POWER_WANTED * gates

    low, high = 0, round(EFFECT_MAX / _EFFECT_STEP)
    if not found(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) else (middle, high)
    return high * _EFFECT_STEP


def _mean(pairs: Sequence[Pair], question: Question) -> float:
    values = _worsenings(pairs, question)
    return float(np.mean(values)) if values else 0.0


def _worsenings(pairs: Sequence[Pair], question: Question) -> list[float]:
    return measurements.worsenings(question, as_runs(pairs))
