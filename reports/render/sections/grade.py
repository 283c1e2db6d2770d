"""The guarantee grade: each guarantee, its evidence, and what could not be judged."""

from typing import Any

from gauntlet.core.plugins import SectionKind
from gauntlet.reports.render.sections.page import Page
from gauntlet.reports.verdict.guarantees import GRADES

_MARKS = {"A": "valid", "B": "valid", "C": "unknown", "F": "invalid", "–": "not-applicable"}

KIND = SectionKind("grade", "what the run shows of each promise")


def context(page: Page) -> dict[str, Any] | None:
    rows = page.result["grades"]
    if not rows:
        return None
    return {
        "rows": [
            {**row, "mark": _MARKS[row["grade"]], "meaning": GRADES[row["grade"]]} for row in rows
        ]
    }
