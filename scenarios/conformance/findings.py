"""What the conformance suite found out: one finding for each capability and basic promise."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gauntlet.core.errors import Exit
from gauntlet.core.scenario.capabilities import CAPABILITIES


class Outcome(StrEnum):
    """Whether something holds on the live server; UNKNOWN: it could not be tried."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One result. `subject` is a capability, or a basic promise that every adapter makes."""

    subject: str
    outcome: Outcome
    sentence: str


@dataclass(frozen=True, slots=True)
class Row:
    """A finding beside what the adapter declares; basic promises count as declared."""

    finding: Finding
    declared: bool

    @property
    def broken(self) -> bool:
        """Whether the adapter promises what does not hold."""
        return self.declared and self.finding.outcome is Outcome.FAILS

    @property
    def suggestion(self) -> str:
        """A sentence for a capability that holds and is not declared; else empty."""
        if self.declared or self.finding.outcome is not Outcome.HOLDS:
            return ""
        return f"{self.finding.subject} holds and is not declared."


def compare(findings: Iterable[Finding], declared: frozenset[str]) -> list[Row]:
    """Return the findings with what is declared; a declared one that was not tried is unknown."""
    rows = [
        Row(finding, finding.subject in declared or finding.subject not in CAPABILITIES)
        for finding in findings
    ]
    tried = {row.finding.subject for row in rows}
    untried = [name for name in CAPABILITIES if name in declared and name not in tried]
    return rows + [
        Row(Finding(name, Outcome.UNKNOWN, "It was not tried, because time ran out."), True)
        for name in untried
    ]


def exit_code(rows: Iterable[Row]) -> Exit:
    """Return FAILED if something declared does not hold, INCONCLUSIVE if it is unknown."""
    rows = list(rows)
    if any(row.broken for row in rows):
        return Exit.FAILED
    if any(row.declared and row.finding.outcome is Outcome.UNKNOWN for row in rows):
        return Exit.INCONCLUSIVE
    return Exit.OK
