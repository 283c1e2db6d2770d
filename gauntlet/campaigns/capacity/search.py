"""The search of the highest level that holds: bracketing, bisection, repetitions at both bounds.

Everything here is a function of the trials so far, so that a search goes on where it was stopped. A
level is judged by the majority of its trials. A refused trial proves nothing about the system; a
level that was refused twice, and never judged, bounds the search like one that failed.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from gauntlet.campaigns.capacity.record import During, Outcome, Sustainable, What

_REFUSALS_MAX = 2
_DIGITS = 3  # significant digits of a level

State = Literal["held", "failed", "refused", "undecided"]


class SearchPlan(NamedTuple):
    """What to search, from which level, between which limits, how finely, and how surely.

    The bounds end at most `resolution` apart (0.1 is 10 %), and each has `repeats` trials.
    """

    what: What
    during: During
    start: float
    least: float
    most: float = math.inf
    factor: float = 2.0
    resolution: float = 0.1
    repeats: int = 3
    trials_max: int = 40


class TrialResult(NamedTuple):
    """What the search knows of one trial."""

    level: float
    outcome: Outcome
    reason: str = ""


class _Level(NamedTuple):
    """The trials at one level."""

    level: float
    held: int = 0
    failed: int = 0
    refused: int = 0

    @property
    def judged(self) -> int:
        return self.held + self.failed

    @property
    def state(self) -> State:
        if self.held != self.failed:
            return "held" if self.held > self.failed else "failed"
        return "refused" if self.refused >= _REFUSALS_MAX else "undecided"


def next_level(plan: SearchPlan, trials: Iterable[TrialResult]) -> float | None:
    """Return the level of the next trial; None if the search has ended."""
    tried = list(trials)
    if len(tried) >= plan.trials_max:
        return None
    levels = _levels(tried)
    if not levels:
        return rounded(plan, plan.start)
    undecided = [each.level for each in levels.values() if each.state == "undecided"]
    if undecided:
        return undecided[0]
    low, high = _bounds(levels)
    between = _between(plan, low, high)
    if between is not None and between not in levels:
        return between
    return _unconfirmed(plan, levels, low, high)


def rounded(plan: SearchPlan, level: float) -> float:
    """Return a level within the limits, with few digits; connections are whole."""
    limited = min(max(level, plan.least), plan.most)
    step = 10.0 ** (math.floor(math.log10(limited)) + 1 - _DIGITS)
    if plan.what == "connections":
        step = max(step, 1.0)
    return min(max(round(round(limited / step) * step, 9), plan.least), plan.most)


def outcome(plan: SearchPlan, trials: Iterable[TrialResult]) -> Sustainable:
    """Return what the trials say, whether the search has ended or was stopped."""
    tried = list(trials)
    levels = _levels(tried)
    low, bound = _bounds(levels)
    failed = [each.level for each in levels.values() if each.state == "failed"]
    above = [level for level in failed if low is None or level > low]
    high = min(above, default=None)
    doubt_low = _doubt(levels[low].held, levels[low].judged) if low is not None else 0.0
    doubt_high = _doubt(levels[high].failed, levels[high].judged) if high is not None else 0.0
    known = low is not None or high is not None
    return Sustainable(
        what=plan.what,
        during=plan.during,
        low=low,
        high=high,
        confidence=max(0.0, 1 - doubt_low - doubt_high) if known else 0.0,
        repeats=min((levels[each].judged for each in (low, high) if each is not None), default=0),
        limited_by=_limited_by(plan, tried, low, bound),
    )


def is_bracketed(plan: SearchPlan, found: Sustainable) -> bool:
    """Return whether the search found what it wanted: two close bounds, or the end of its range."""
    if found.low is None:
        return False
    if found.high is None:
        return found.low >= plan.most
    return found.high <= found.low * _ratio_max(plan) or found.high - found.low <= _gap(plan)


def _levels(trials: Iterable[TrialResult]) -> dict[float, _Level]:
    levels: dict[float, _Level] = {}
    for each in trials:
        known = levels.get(each.level, _Level(each.level))
        count = {each.outcome: getattr(known, each.outcome) + 1}
        levels[each.level] = known._replace(**count)
    return dict(sorted(levels.items()))


def _bounds(levels: Mapping[float, _Level]) -> tuple[float | None, float | None]:
    """Return the highest level that held below all that failed, and what bounds the search above.

    That is the lowest level that failed, or one below it that was refused. A refused level below
    one that held was bad luck, and bounds nothing.
    """
    by_state = {
        state: [each.level for each in levels.values() if each.state == state]
        for state in ("held", "failed", "refused")
    }
    failed = min(by_state["failed"], default=math.inf)
    low = max((each for each in by_state["held"] if each < failed), default=None)
    refused = [each for each in by_state["refused"] if low is None or each > low]
    bound = min([failed, *refused])
    return low, None if math.isinf(bound) else bound


def _between(plan: SearchPlan, low: float | None, high: float | None) -> float | None:
    """Return a level that narrows the bounds; None if they are close enough or at a limit."""
    if high is None:
        assert low is not None
        return rounded(plan, low * plan.factor) if low < plan.most else None
    if low is None:
        return rounded(plan, high / plan.factor) if high > plan.least else None
    if high <= low * _ratio_max(plan) or high - low <= _gap(plan):
        return None
    return rounded(plan, math.sqrt(low * high))


def _ratio_max(plan: SearchPlan) -> float:
    return 1 + plan.resolution + 1e-9


def _gap(plan: SearchPlan) -> float:
    """Return the distance of levels that have nothing between them."""
    return 1.0 if plan.what == "connections" else 0.0


def _unconfirmed(
    plan: SearchPlan, levels: Mapping[float, _Level], low: float | None, high: float | None
) -> float | None:
    """Return the bound that has fewer trials, if it needs more."""
    bounds = [levels[each] for each in (low, high) if each is not None]
    open_bounds = [
        each for each in bounds if each.state != "refused" and each.judged < plan.repeats
    ]
    retriable = [each for each in open_bounds if each.refused < _REFUSALS_MAX + plan.repeats]
    return min(retriable, key=lambda each: each.judged).level if retriable else None


def _doubt(agreeing: int, judged: int) -> float:
    """Return how likely so many of the trials agree if a trial agrees half of the time, or less."""
    ways = sum(math.comb(judged, count) for count in range(agreeing, judged + 1))
    return ways / float(2**judged)


def _limited_by(
    plan: SearchPlan, tried: list[TrialResult], low: float | None, bound: float | None
) -> str:
    if bound is not None:
        reasons = [each.reason for each in tried if each.level == bound and each.outcome != "held"]
        return reasons[-1] if reasons else ""
    if low is not None and low >= plan.most:
        return f"The search ended at its upper limit, {plan.most:g}."
    return "The search was stopped before a level failed." if tried else "Nothing was tried."
