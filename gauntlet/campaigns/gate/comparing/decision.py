"""Decides about changes: a pure function of numbers.

A change is a regression if it is large enough (the measured one reaches the smallest effect that
matters) and significant (a one-sided t-test, corrected by Holm for all comparisons of the gate, and
by Bonferroni for each look at them). It is no regression if one can be confident that it is smaller
than the effect that matters, and most measurements can be used: a slow version can be the reason
why some cannot. Otherwise it is undecided, and more pairs may decide it.

All values are logarithms of ratios, so that a change of a factor is the same at every level.
Values are turned so that a positive one is worse.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from gauntlet.campaigns.gate.comparing import student

Outcome = Literal["regression", "no-regression", "undecided", "unknown"]

SAMPLES_MIN = 3
# The share of the measurements that must be usable, so that those that are missing hide nothing.
USABLE_MIN = 0.8
# One can be so confident that a change which counts as none is smaller than what matters.
CONFIDENCE = 0.95
# More than this, resemblance of neighbours is not believed of so few values.
RESEMBLANCE_MAX = 0.5
# Measurements that agree better than this agree by chance, or because clocks are coarse.
ERROR_MIN = 0.002


class Question(NamedTuple):
    """What is asked: whether an indicator of a scenario got worse by `share` or more."""

    scenario: str
    indicator: str
    window: str
    share: float
    lower_is_better: bool = True
    severity: str = "fail"

    @property
    def limit(self) -> float:
        """The smallest effect that matters, as the logarithm of a ratio."""
        return math.log1p(self.share) if self.lower_is_better else -math.log1p(-self.share)

    @property
    def title(self) -> str:
        """The question in a few words."""
        return f"{self.indicator} ({self.window})"


class Estimate(NamedTuple):
    """How much worse something is: the mean, its standard error, and how well that is known.

    `usable` is the share of the measurements that it rests on.
    """

    mean: float
    error: float
    freedom: float
    samples: int
    usable: float = 1.0


class Answer(NamedTuple):
    """The decision on one question, with the ratio of the values and its bounds (95 %)."""

    question: Question
    outcome: Outcome
    samples: int
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_corrected: float | None = None
    reason: str = ""


def is_comparable(question: Question, before: Sequence[float], after: Sequence[float]) -> bool:
    """Return whether one can say by how much values got worse.

    A change from or to zero has no ratio. If it is none for the worse, it counts as no change.
    """
    return (0 not in before and 0 not in after) or not _is_worse(question, before, after)


def _is_worse(question: Question, before: Sequence[float], after: Sequence[float]) -> bool:
    """Return whether any value after is worse than any value before."""
    if question.lower_is_better:
        return max(after) > min(before)
    return min(after) < max(before)


def worsening(question: Question, before: float, after: float) -> float:
    """Return by how much a value got worse, as a logarithm; ValueError if that is not defined."""
    known = 0 <= before < math.inf and 0 <= after < math.inf
    if not (known and is_comparable(question, [before], [after])):
        raise ValueError(f"a change from {before} to {after} is no ratio")
    if 0 in (before, after):
        return 0.0
    logarithm = math.log(after / before)
    return logarithm if question.lower_is_better else -logarithm


def paired(values: Sequence[float]) -> Estimate | None:
    """Return the estimate from pairs of runs in their order; None if there are too few.

    If neighbours resemble each other, the pairs say less than as many independent ones, and the
    error is larger.
    """
    if len(values) < SAMPLES_MIN:
        return None
    mean = math.fsum(values) / len(values)
    error = math.sqrt(_variance(values, mean) / len(values) * _inflation(values, mean))
    return Estimate(mean, max(error, ERROR_MIN), len(values) - 1, len(values))


def unpaired(before: Sequence[float], after: Sequence[float]) -> Estimate | None:
    """Return the estimate from logarithms of a baseline and of new runs; None if too few.

    Both sides have the same noise; a baseline with more runs therefore helps few new ones.
    """
    if len(before) < SAMPLES_MIN or not after:
        return None
    means = [math.fsum(each) / len(each) for each in (before, after)]
    freedom = len(before) + len(after) - 2
    squares = sum(
        _variance(each, mean) * (len(each) - 1)
        for each, mean in zip((before, after), means, strict=True)
    )
    error = math.sqrt(squares / freedom * (1 / len(before) + 1 / len(after)))
    return Estimate(means[1] - means[0], max(error, ERROR_MIN), freedom, len(after))


def decide(
    estimates: Mapping[Question, Estimate | None], alpha: float, looks: int
) -> dict[Question, Answer]:
    """Return an answer to every question; `looks` is how often they are decided at most."""
    known = {question: found for question, found in estimates.items() if found is not None}
    p_values = {
        question: student.share_above(found.mean / found.error, found.freedom)
        for question, found in known.items()
    }
    corrected = holm(p_values)
    return {
        question: _answer(question, found, p_values[question], corrected[question], alpha, looks)
        if found is not None
        else Answer(question, "unknown", 0, reason=f"fewer than {SAMPLES_MIN} usable measurements")
        for question, found in estimates.items()
    }


def confidence(looks: int) -> float:
    """Return how sure each of several looks must be that a change is small."""
    return 1 - (1 - CONFIDENCE) / looks


def holm(p_values: Mapping[Question, float]) -> dict[Question, float]:
    """Return the p-values, corrected for their number."""
    corrected: dict[Question, float] = {}
    highest = 0.0
    for rank, question in enumerate(sorted(p_values, key=lambda each: p_values[each])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[question]))
        corrected[question] = highest
    return corrected


def _answer(
    question: Question, found: Estimate, p: float, corrected: float, alpha: float, looks: int
) -> Answer:
    upper = found.mean + student.quantile(confidence(looks), found.freedom) * found.error
    outcome: Outcome = "undecided"
    reason = ""
    if found.mean >= question.limit and corrected < alpha / looks:
        outcome = "regression"
    elif upper < question.limit:
        outcome = "no-regression"
        if found.usable < USABLE_MIN:
            outcome = "unknown"
            reason = (
                f"only {math.floor(100 * found.usable)} % of the measurements can be used, and at "
                f"least {100 * USABLE_MIN:.0f} % are needed"
            )
    sign = 1 if question.lower_is_better else -1
    half = student.quantile((1 + CONFIDENCE) / 2, found.freedom) * found.error
    bounds = sorted(_ratio(sign * (found.mean + side * half)) for side in (-1, 1))
    return Answer(
        question,
        outcome,
        found.samples,
        _ratio(sign * found.mean),
        bounds[0],
        bounds[1],
        p,
        corrected,
        reason,
    )


def _ratio(logarithm: float) -> float:
    return math.exp(min(max(logarithm, -700.0), 700.0))  # what a float can hold


def _inflation(values: Sequence[float], mean: float) -> float:
    """Return by how much the resemblance of neighbours enlarges the variance of the mean."""
    squares = math.fsum((value - mean) ** 2 for value in values)
    if squares <= 0:
        return 1.0
    neighbours = pairwise(value - mean for value in values)
    resemblance = math.fsum(one * other for one, other in neighbours) / squares
    resemblance = min(max(resemblance, 0.0), RESEMBLANCE_MAX)
    return (1 + resemblance) / (1 - resemblance)


def _variance(values: Sequence[float], mean: float) -> float:
    if len(values) < 2:
        return 0.0
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
