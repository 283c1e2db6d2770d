"""Verdicts where workers were lost: the others' conversations are judged, and say so.

A violation among what is whole is one of the run. Anything else that was found says nothing of the
missing part, so it is unknown, never valid. A number over a part is not that of the whole.
"""

from dataclasses import replace

from gauntlet.reports.checks.finding import Outcome, Verdict
from gauntlet.reports.history import workers
from gauntlet.reports.verdict.objectives import Judged


def checks(verdicts: list[Verdict], lost: dict[int, str]) -> list[Verdict]:
    """The verdicts of checks over the workers that are left."""
    if not lost:
        return verdicts
    return [
        replace(
            verdict,
            outcome=Outcome.UNKNOWN,
            sentence=f"{workers.told(lost)}. Of the other workers: {verdict.sentence}",
        )
        if verdict.outcome is Outcome.VALID
        else verdict
        for verdict in verdicts
    ]


def objectives(judged: list[Judged], lost: dict[int, str]) -> list[Judged]:
    """The objectives over the workers that are left."""
    if not lost:
        return judged
    why = workers.told(lost)
    return [
        replace(
            one,
            outcome=Outcome.UNKNOWN,
            sentence=f"{why}. Of the other workers: {one.sentence}",
            unknown=why,
        )
        for one in judged
    ]
