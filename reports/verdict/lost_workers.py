"""Downgrades verdicts when workers are lost: only the other workers' conversations are judged.

A violation that was found there is a violation of the run. Any other result does not cover the
missing part, so it is unknown, never valid. A measured value covers only a part of the load.
"""

from dataclasses import replace

from gauntlet.reports.checks.finding import Outcome, Verdict
from gauntlet.reports.history import workers
from gauntlet.reports.verdict.objectives import Judged


def downgrade_checks(verdicts: list[Verdict], lost: dict[int, str]) -> list[Verdict]:
    """Return the verdicts, with valid ones made unknown if workers are lost."""
    if not lost:
        return verdicts
    return [
        replace(
            verdict, outcome=Outcome.UNKNOWN, sentence=_about_the_others(lost, verdict.sentence)
        )
        if verdict.outcome is Outcome.VALID
        else verdict
        for verdict in verdicts
    ]


def downgrade_objectives(judged: list[Judged], lost: dict[int, str]) -> list[Judged]:
    """Return the objectives, all of them made unknown if workers are lost."""
    if not lost:
        return judged
    return [
        replace(
            result,
            outcome=Outcome.UNKNOWN,
            sentence=_about_the_others(lost, result.sentence),
            unknown=workers.describe(lost),
        )
        for result in judged
    ]


def _about_the_others(lost: dict[int, str], sentence: str) -> str:
    return f"{workers.describe(lost)}. For the other workers: {sentence}"
