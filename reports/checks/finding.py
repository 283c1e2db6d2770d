"""What a check says: a finding of the check, and the verdict that is made of it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from gauntlet.reports.history.history import History

WITNESSES_MAX = 10


class Outcome(StrEnum):
    """Four answers: a check that could not have failed says unknown, never valid."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"


@dataclass(frozen=True)
class Witness:
    """One violation: a sentence, the messages concerned, and the user who saw it (0: none)."""

    sentence: str
    messages: tuple[int, ...] = ()
    user: int = 0


@dataclass(frozen=True)
class Finding:
    """What a check found: `count` violations among `examined` things, which are `what`.

    `unknown` and `not_applicable` say in a sentence why there is no answer; violations that were
    found count all the same.
    """

    examined: int
    what: str
    count: int = 0
    witnesses: tuple[Witness, ...] = ()
    unknown: str = ""
    not_applicable: str = ""


Check = Callable[[History], Finding]


@dataclass(frozen=True)
class Verdict:
    """The judgement of one check."""

    check: str
    outcome: Outcome
    sentence: str
    examined: int
    count: int
    witnesses: tuple[Witness, ...]


def judge(check: str, meaning: str, finding: Finding) -> Verdict:
    """The verdict that a finding amounts to."""
    outcome, sentence = _weigh(meaning, finding)
    return Verdict(check, outcome, sentence, finding.examined, finding.count, finding.witnesses)


def _weigh(meaning: str, finding: Finding) -> tuple[Outcome, str]:
    amount = f"{finding.examined:,} {finding.what}"
    if finding.count:
        return Outcome.INVALID, f"{finding.count:,} of {amount} – {meaning}."
    if finding.not_applicable:
        return Outcome.NOT_APPLICABLE, finding.not_applicable
    if finding.unknown:
        return Outcome.UNKNOWN, finding.unknown
    if finding.examined == 0:
        return Outcome.UNKNOWN, f"No power: there were no {finding.what} to examine."
    return Outcome.VALID, f"None of {amount}."
