"""Checks for which an imported history has no evidence: they are unknown, and say what is missing.

The manifest of an imported history lists them, each with a clause that names the missing key.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gauntlet.core.scenario import catalog
from gauntlet.reports.checks.finding import Outcome, Verdict


def of_manifest(manifest: dict[str, Any]) -> dict[str, str]:
    """Return a clause for each check without evidence; a run of our own has none."""
    return dict(manifest.get("imported", {}).get("unjudged", {}))


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


def caveats(missing: dict[str, str]) -> Iterator[str]:
    """Yield a sentence for each reason why checks that are usually required are unknown."""
    by_clause: dict[str, list[str]] = {}
    for check, clause in missing.items():
        if check in catalog.DEFAULT_REQUIRED:
            by_clause.setdefault(clause, []).append(check)
    for clause, checks in by_clause.items():
        yield f"Not judged ({', '.join(checks)}): {clause}."
