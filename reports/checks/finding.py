"""What a check finds, and the verdict that follows from it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from gauntlet.reports.formatting import counted
from gauntlet.reports.history.arrays import Ints
from gauntlet.reports.history.history import History

WITNESSES_MAX = 10

# Words of a sentence that depend on its number: (for one, for any other number).
_INFLECTED = {
    "are": ("is", "are"),
    "were": ("was", "were"),
    "have": ("has", "have"),
    "cases": ("case", "cases"),
    "duplicates": ("a duplicate", "duplicates"),
    "groups": ("group", "groups"),
    "reports": ("report", "reports"),
    "pushes": ("push", "pushes"),
    "messages": ("message", "messages"),
    "positions": ("position", "positions"),
}


def _inflected(count: int) -> dict[str, str]:
    return {word: forms[count != 1] for word, forms in _INFLECTED.items()}


class Outcome(StrEnum):
    """The four verdicts; a check that could not have failed is unknown, never valid."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"


@dataclass(frozen=True)
class Witness:
    """One violation: a sentence, the messages concerned, and the user who saw it (0: none).

    `records` are the records of the history that show it. With `absent`, no record can: the
    messages are missing, from the user or else from the audit. `at_ns` is when it happened, 0 where
    the records and messages show that. `session` is the device that saw it, -1 for any of the user.
    """

    sentence: str
    messages: tuple[int, ...] = ()
    user: int = 0
    records: tuple[int, ...] = ()
    absent: bool = False
    at_ns: int = 0
    session: int = -1


@dataclass(frozen=True)
class Counted:
    """A sentence with the field {count}, and the number for it; it may have inflected words."""

    sentence: str
    count: int

    def __str__(self) -> str:
        return self.sentence.format(count=f"{self.count:,}", **_inflected(self.count))


@dataclass(frozen=True)
class Finding:
    """What a check found: `count` violations among `examined` things, which `subject` names.

    `statement` is the sentence about them, with the fields {count}, {examined}, {subject} and the
    inflected words of `_INFLECTED`, such as {are}. The field {total} stands for "{examined}
    {subject}", or for "1 {subject_of_one}". Violations of some checks concern nothing that is
    counted in `examined`: the field {among} stands for "in {total}" with a comma, and for nothing
    if that would be none. `unknown` and `not_applicable` are sentences on why there is no answer;
    violations that were found count nevertheless. `times_ns` is when each violation happened, as
    far as known, and `happened` the verb of a sentence on that.

    A history may be judged in parts, of which each has a finding. What differs between parts is
    therefore a number beside its sentence: `doubts` are like `unknown`, but for {count} items, and
    the first one that has any counts. `aside` is a further sentence on {count} things, which need
    not be violations. `nothing_seen` is unknown only if it holds for all parts to which the check
    applies. `unexamined` is how many things there were, though the check does not apply to them: of
    several sentences on why, the one about most things is told. A check that `crashed` is unknown.
    """

    examined: int
    subject: str
    statement: str
    count: int = 0
    witnesses: tuple[Witness, ...] = ()
    unknown: str = ""
    not_applicable: str = ""
    times_ns: Ints | None = None
    happened: str = "occurred"
    nothing_seen: str = ""
    doubts: tuple[Counted, ...] = ()
    aside: Counted | None = None
    unexamined: int = 0
    crashed: bool = False
    subject_of_one: str = ""

    def why_unknown(self) -> str:
        """Return a sentence on why there is no answer, empty if there is one."""
        told = (str(doubt) for doubt in self.doubts if doubt.count)
        return self.nothing_seen or self.unknown or next(told, "")

    def describe(self) -> str:
        """Return the statement with its numbers."""
        total = counted(self.examined, self.subject_of_one or self.subject, self.subject)
        statement = self.statement.format(
            count=f"{self.count:,}",
            examined=f"{self.examined:,}",
            subject=self.subject,
            total=total,
            among=f", in {total}" if self.examined else "",
            **_inflected(self.count),
        )
        return f"{statement} {self.aside}" if self.aside and self.aside.count else statement


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
    times_ns: Ints | None = None
    happened: str = "occurred"
    crashed: bool = False


def judge(check: str, finding: Finding, examined_min: int = 1) -> Verdict:
    """Return the verdict that follows from a finding; see `CheckKind.examined_min`."""
    outcome, sentence = _weigh(finding, examined_min)
    return Verdict(
        check,
        outcome,
        sentence,
        finding.examined,
        finding.count,
        finding.witnesses,
        finding.times_ns,
        finding.happened,
        finding.crashed,
    )


def _weigh(finding: Finding, examined_min: int) -> tuple[Outcome, str]:
    if finding.count:
        return Outcome.INVALID, finding.describe()
    if finding.not_applicable:
        return Outcome.NOT_APPLICABLE, finding.not_applicable
    if unknown := finding.why_unknown():
        return Outcome.UNKNOWN, unknown
    if finding.examined == 0:
        return Outcome.UNKNOWN, f"The run has no {finding.subject}, so nothing was examined."
    if finding.examined < examined_min:
        return Outcome.UNKNOWN, (
            f"The run has too few {finding.subject}: {finding.examined:,}, and at least "
            f"{examined_min:,} are needed for a verdict."
        )
    return Outcome.VALID, finding.describe()
