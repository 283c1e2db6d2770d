"""States what a gate can decide on this machine, from pairs of runs of equal versions."""

from collections.abc import Iterable, Sequence

from gauntlet.campaigns.gate.comparing import calibration, decision, measurements
from gauntlet.campaigns.gate.comparing.calibration import Calibration, Procedure
from gauntlet.campaigns.gate.comparing.decision import Question
from gauntlet.campaigns.gate.outcome import Calibrated, Run
from gauntlet.campaigns.gate.suite import Compare
from gauntlet.reports import formatting


def all_of(
    questions: Sequence[Question], runs: Iterable[Run], compare: Compare
) -> tuple[Calibrated, ...]:
    """Return the calibration of every question."""
    made = list(runs)
    procedure = Procedure(
        compare.pairs, compare.looks, compare.alpha, max(1, len(questions)), compare.most
    )
    return tuple(_one(question, made, procedure) for question in questions)


def _one(question: Question, runs: Sequence[Run], procedure: Procedure) -> Calibrated:
    values = measurements.worsenings(question, runs)
    what = f"{question.indicator} {formatting.window(question.window)}"
    if len(values) < decision.SAMPLES_MIN:
        sentence = (
            f"{what}: nothing can be said; {len(values)} pairs can be used, and at least "
            f"{decision.SAMPLES_MIN} are needed."
        )
        return _recorded(question, len(values), None, sentence)
    found = calibration.calibrate(values, question.limit, procedure)
    return _recorded(question, len(values), found, _sentence(what, question, found, procedure))


def _recorded(
    question: Question, count: int, found: Calibration | None, sentence: str
) -> Calibrated:
    return Calibrated(
        scenario=question.scenario,
        indicator=question.indicator,
        window=question.window,
        pairs=count,
        noise=found.noise if found else 0.0,
        false_red=found.false_red if found else 0.0,
        decided=found.decided if found else 0.0,
        smallest=found.smallest if found else None,
        sentence=sentence,
    )


def _sentence(what: str, question: Question, found: Calibration, procedure: Procedure) -> str:
    most = procedure.most
    if found.smallest is None:
        largest = f"{100 * max(calibration.CHANGES):g} %"
        able = f"not even a change of {largest} is found in 95 % of gates"
    else:
        able = f"a change of {100 * found.smallest:g} % is found in 95 % of gates"
    pairs = f"{most}" if procedure.pairs == most else f"{procedure.pairs} to {most}"
    return (
        f"{what}: with {pairs} pairs and a smallest effect of "
        f"{100 * question.share:g} %, {able}; equal versions are red in "
        f"{100 * found.false_red:.1f} % and green in {100 * found.decided:.0f} % of gates. Equal "
        f"runs differ by {100 * found.noise:.1f} % (standard deviation)."
    )
