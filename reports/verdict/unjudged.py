"""Checks for which an imported history has no evidence: they are unknown, and say what is missing.

The manifest of an imported history lists those for which a key is missing, each with a clause that
names it. Other checks turn out to be unknown only when they examine the history: a log in which
no message was owed to anyone has all lines that `undelivered` needs. Unless the header states which
checks the verdict requires, neither kind makes the run inconclusive as long as something was
judged.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from gauntlet.core.scenario import catalog
from gauntlet.reports.checks.finding import Outcome, Verdict


@dataclass(frozen=True)
class Unjudged:
    """What a manifest says of the evidence of an imported history; a run of our own has all.

    `missing` has a clause for each check without evidence. With `may_excuse`, no line states which
    checks are required.
    """

    missing: dict[str, str]
    may_excuse: bool = False


def of_manifest(manifest: dict[str, Any]) -> Unjudged:
    """Return what a manifest says; those of older versions state all required checks."""
    imported = manifest.get("imported", {})
    return Unjudged(dict(imported.get("unjudged", {})), imported.get("requires") == "judged")


def downgrade(verdicts: list[Verdict], missing: dict[str, str]) -> list[Verdict]:
    """Return the verdicts, with those of the checks `missing` as unknown."""
    return [
        replace(
            verdict,
            outcome=Outcome.UNKNOWN,
            sentence=f"Not judged: {missing[verdict.check]}.",
            examined=0,
            count=0,
            witnesses=(),
        )
        if verdict.check in missing
        else verdict
        for verdict in verdicts
    ]


def excused(verdicts: list[Verdict], required: set[str], unjudged: Unjudged) -> list[Verdict]:
    """Return those of the `required` checks that are unknown and need not be known.

    If nothing was judged, or a check crashed, a pass would claim what was not examined.
    """
    of_required = [verdict for verdict in verdicts if verdict.check in required]
    judged = any(verdict.outcome in (Outcome.VALID, Outcome.INVALID) for verdict in of_required)
    if not (unjudged.may_excuse and judged):
        return []
    return [
        verdict
        for verdict in of_required
        if verdict.outcome is Outcome.UNKNOWN
        and verdict.check in catalog.DEFAULT_REQUIRED
        and not verdict.crashed
    ]


def caveats(missing: dict[str, str], excused_checks: list[Verdict]) -> Iterator[str]:
    """Yield a sentence for each reason why checks that are usually required are unknown."""
    by_clause: dict[str, list[str]] = {}
    for check, clause in missing.items():
        if check in catalog.DEFAULT_REQUIRED:
            by_clause.setdefault(f"{clause}.", []).append(check)
    for verdict in excused_checks:
        by_clause.setdefault(verdict.sentence, []).append(verdict.check)
    for sentence, checks in by_clause.items():
        yield f"Not judged ({', '.join(checks)}): {sentence}"
