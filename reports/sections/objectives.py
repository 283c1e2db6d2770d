"""The SLA: every objective with what was wanted and what was measured."""

from typing import Any

from reports import shown
from reports.sections.page import Page


def facts(page: Page) -> dict[str, Any] | None:
    objectives = page.result["objectives"]
    if not objectives:
        return None
    return {"rows": [_row(objective) for objective in objectives]}


def _row(objective: dict[str, Any]) -> dict[str, Any]:
    indicator = objective["indicator"]
    wanted = shown.measured(indicator, objective["target"])
    return {
        **objective,
        "wanted": f"{objective['op']} {wanted}",
        "measured": shown.measured(
            indicator, objective["value"], at_least=objective.get("at_least", False)
        ),
        "samples": shown.number(objective["samples"]),
    }
