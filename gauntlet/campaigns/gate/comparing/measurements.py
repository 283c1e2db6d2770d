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
    """Return by how much each pair of runs got worse; pairs without both values are left out."""
    name = key(question.indicator, question.window)
    found: dict[int, dict[str, float]] = {}
    for run in runs:
        if run.scenario == question.scenario and name in run.values:
            found.setdefault(run.number, {})[run.version] = run.values[name]
    return [
        decision.worsening(question, pair["reference"], pair["candidate"])
        for _, pair in sorted(found.items())
        if len(pair) == 2
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
    name = key(question.indicator, question.window)
    sign = 1 if question.lower_is_better else -1
    before = [
        [sign * math.log(value) for value in session.get((question.scenario, name), ())]
        for session in sessions
    ]
    before = [values for values in before if values]
    own = [
        run
        for run in runs
        if run.scenario == question.scenario and run.version == "candidate" and not run.set_aside
    ]
    after = [sign * math.log(run.values[name]) for run in own if name in run.values]
    if len(before) >= SESSIONS_MIN and after:
        means = [math.fsum(values) / len(values) for values in before]
        found = decision.unpaired(means, [math.fsum(after) / len(after)])
    else:
        found = decision.unpaired([value for values in before for value in values], after)
    return _with_share(found, len(after), len(own))


def _with_share(found: Estimate | None, usable: int, made: int) -> Estimate | None:
    return found._replace(usable=usable / made) if found and made else found


def typical(
    question: Question, runs: Iterable[Run], version: str, sessions: Sessions = ()
) -> float | None:
    """Return the geometric mean of the values of one version, which is None if there are none."""
    name = key(question.indicator, question.window)
    values = [
        run.values[name]
        for run in runs
        if (run.scenario, run.version) == (question.scenario, version) and name in run.values
    ]
    if version == "reference":
        for session in sessions:
            values += session.get((question.scenario, name), ())
    if not values:
        return None
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def why_unusable(question: Question, runs: Iterable[Run]) -> str:
    """Return a clause on why runs of a scenario cannot be used; empty if all can."""
    reasons = Counter(
        run.unusable or f"there is no {question.indicator}"
        for run in runs
        if run.scenario == question.scenario
        and key(question.indicator, question.window) not in run.values
    )
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
    values = " → ".join(formatting.measured(question.indicator, each) for each in (before, after))
    middle, low, high = map(formatting.change, (answer.ratio, answer.low, answer.high))
    change = f"{middle} ({low} to {high}; {values}; "
    change += f"{answer.samples} measurement{'s' * (answer.samples != 1)})"
    if answer.outcome == "regression":
        return f"{what} is {side} by {100 * question.share:g} % or more: {change}."
    if answer.outcome == "no-regression":
        return f"{what} did not get {limit}: {change}."
    return f"{what} may or may not be {limit}, the measurements are too noisy to tell: {change}."
