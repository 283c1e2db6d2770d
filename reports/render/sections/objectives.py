"""The objectives of the scenario: the required and the measured value of each."""

from typing import Any

from gauntlet.core.plugins import SectionKind
from gauntlet.reports import formatting
from gauntlet.reports.render import anchors
from gauntlet.reports.render.sections.page import Page

KIND = SectionKind("objectives", "every objective with its measured value")


def context(page: Page) -> dict[str, Any] | None:
    objectives = page.result["objectives"]
    fired = [
        {**guard, "anchor": anchors.element_id("guard", str(index))}
        for index, guard in enumerate(page.result.get("guards", ()))
        if guard["fired"]
    ]
    if not (objectives or fired):
        return None
    return {"rows": [_row(objective) for objective in objectives], "guards": fired}


def _row(objective: dict[str, Any]) -> dict[str, Any]:
    indicator = objective["indicator"]
    target = formatting.measured(indicator, objective["target"])
    return {
        **objective,
        "anchor": anchors.element_id("objective", objective["id"]),
        "required": f"{objective['op']} {target}",
        "measured": formatting.measured(
            indicator, objective["value"], at_least=objective.get("at_least", False)
        ),
        "samples": formatting.number(objective["samples"]),
    }
