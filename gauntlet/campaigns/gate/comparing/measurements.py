"""Turns the figures of runs into estimates and sentences: still pure functions."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from gauntlet.campaigns.gate.comparing import decision
from gauntlet.campaigns.gate.comparing.decision import Answer, Estimate, Question
from gauntlet.campaigns.gate.outcome import Comparison, Run, key
from gauntlet.reports import formatting

# Values of a baseline: for each session, and there for each figure of a scenario, one of each run.
Sessions = Sequence[Mapping[tuple[str, str], Sequence[float]]]
SESSIONS_MIN = 3


def worsenings(question: Question, runs: Iterable[Run]) -> list[float]:
    """Return by how much each pair of runs got worse, of the pairs that can be used."""
    return [
        decision.worsening(question, pair["reference"], pair["candidate"])
        for pair in _pairs(question, runs)
    ]


def _pairs(question: Question, runs: Iterable[Run]) -> list[dict[str, float]]:
    """Return the values of each pair that has both of them, and of which one can say the change."""
    name = key(question.indicator, question.window)
    found: dict[int, dict[str, float]] = {}
    for run in runs:
        if run.scenario == question.scenario and name in run.values:
            found.setdefault(run.number, {})[run.version] = run.values[name]
    whole = [pair for _, pair in sorted(found.items()) if len(pair) == 2]
    return [
        pair
        for pair in whole
        if decision.is_comparable(question, [pair["reference"]], [pair["candidate"]])
    ]


def against_reference(question: Question, runs: Iterable[Run]) -> Estimate | None:
    """Return the estimate from interleaved pairs."""
    made = list(runs)
    values = worsenings(question, made)
    pairs = len({run.number for run in made if run.scenario == question.scenario})
    return _with_share(decision.paired(values), len(values), pairs)


def against_baseline(
    question: Question, runs: Iterable[Run], sessions: Sessions
) -> Estimate | None:
    """Return the estimate from runs and a baseline.

    With three sessions or more, a session is one measurement: days differ more than runs of a day.
    """
    own = _own(question, runs)
    stored, values = _of_sessions(question, sessions), _values(question, own)
    flat = [value for each in stored for value in each]
    if not values or not flat or not decision.is_comparable(question, flat, values):
        return None
    *before, after = _logarithms(question, [*stored, values])
    if len(before) >= SESSIONS_MIN:
        means = [math.fsum(values) / len(values) for values in before]
        found = decision.unpaired(means, [math.fsum(after) / len(after)])
    else:
        found = decision.unpaired([value for values in before for value in values], after)
    return _with_share(found, len(after), len(own))


def _own(question: Question, runs: Iterable[Run]) -> list[Run]:
    """Return the runs that are compared with a baseline."""
    return [
        run
        for run in runs
        if run.scenario == question.scenario and run.version == "candidate" and not run.set_aside
    ]


def _values(question: Question, runs: Iterable[Run]) -> list[float]:
    name = key(question.indicator, question.window)
    return [run.values[name] for run in runs if name in run.values]


def _of_sessions(question: Question, sessions: Sessions) -> list[Sequence[float]]:
    """Return the values of the sessions that have any."""
    name = (question.scenario, key(question.indicator, question.window))
    return [values for session in sessions if (values := session.get(name))]


def _logarithms(question: Question, groups: Sequence[Sequence[float]]) -> list[list[float]]:
    """Return the logarithms of values, turned so that a higher one is worse.

    Zero has none: with it, values are comparable only if nothing got worse, which is no change.
    """
    if any(0 in values for values in groups):
        return [[0.0 for _ in values] for values in groups]
    sign = 1 if question.lower_is_better else -1
    return [[sign * math.log(value) for value in values] for values in groups]


def _with_share(found: Estimate | None, usable: int, made: int) -> Estimate | None:
    return found._replace(usable=usable / made) if found and made else found


def typical(
    question: Question, runs: Iterable[Run], version: str, sessions: Sessions = ()
) -> float | None:
    """Return the mean of the values of one version, which is None if there are none.

    These are the values that the decision rests on, so that their ratio is the change.
    """
    if sessions and version == "reference":
        stored = _of_sessions(question, sessions)
        if len(stored) < SESSIONS_MIN:
            stored = [[value for values in stored for value in values]]
        return _mean([mean for each in stored if (mean := _mean(each)) is not None])
    if sessions:
        return _mean(_values(question, _own(question, runs)))
    made = list(runs)
    if pairs := _pairs(question, made):
        return _mean([pair[version] for pair in pairs])
    own = [run for run in made if (run.scenario, run.version) == (question.scenario, version)]
    return _mean(_values(question, own))


def _mean(values: Sequence[float]) -> float | None:
    """Return the geometric mean, or the arithmetic one if a value is zero."""
    if not values:
        return None
    if 0 in values:
        return math.fsum(values) / len(values)
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def why_unusable(question: Question, runs: Iterable[Run], sessions: Sessions = ()) -> str:
    """Return a clause on why runs of a scenario cannot be used; empty if all can."""
    name = key(question.indicator, question.window)
    made = [run for run in runs if run.scenario == question.scenario]
    reasons = Counter(
        run.unusable or f"there is no {question.indicator}"
        for run in made
        if name not in run.values
    )
    groups = [_values(question, made), *_of_sessions(question, sessions)]
    if zeros := sum(value == 0 for values in groups for value in values):
        reasons[f"{question.indicator} is 0, and a change from or to 0 is no percentage"] = zeros
    if not reasons:
        return ""
    (reason, count), *_ = reasons.most_common(1)
    return f"in {count} runs, {reason}" if count > 1 else f"in one run, {reason}"


def comparison(answer: Answer, before: float | None, after: float | None) -> Comparison:
    """Return an answer as it is recorded."""
    question = answer.question
    return Comparison(
        scenario=question.scenario,
        indicator=question.indicator,
        window=question.window,
        severity=question.severity,
        min_effect=question.share,
        lower_is_better=question.lower_is_better,
        outcome=answer.outcome,
        count=answer.samples,
        before=before,
        after=after,
        ratio=answer.ratio,
        low=answer.low,
        high=answer.high,
        p=answer.p,
        p_corrected=answer.p_corrected,
        sentence=_sentence(answer, before, after),
    )


def _sentence(answer: Answer, before: float | None, after: float | None) -> str:
    question = answer.question
    what = f"{question.indicator} {formatting.window(question.window)}"
    side = "higher" if question.lower_is_better else "lower"
    limit = f"{100 * question.share:g} % {side}"
    known = answer.outcome != "unknown"
    if not known or answer.ratio is None or answer.low is None or answer.high is None:
        return f"{what} is not known to be less than {limit}: {answer.reason}."
    measured = (formatting.measured(question.indicator, each) for each in (before, after))
    values = " → ".join(formatting.same_decimals(*measured))
    middle, low, high = map(formatting.change, (answer.ratio, answer.low, answer.high))
    change = f"{middle} ({low} to {high}; {values}; "
    change += f"{answer.samples} measurement{'s' * (answer.samples != 1)})"
    if answer.outcome == "regression":
        return f"{what} is {side} by {100 * question.share:g} % or more: {change}."
    if answer.outcome == "no-regression":
        return f"{what} did not get {limit}: {change}."
    return f"{what} may or may not be {limit}, the measurements are too noisy to tell: {change}."
