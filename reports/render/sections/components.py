"""What the components of the system used over time, beside the faults."""

from typing import Any

from gauntlet.core.plugins import SectionKind
from gauntlet.reports.render import components
from gauntlet.reports.render.sections.page import Page

KIND = SectionKind("components", "what the components of the system used over time")


def context(page: Page) -> dict[str, Any] | None:
    if page.charts is None or not page.charts.components:
        return None
    use = page.charts.components
    measures = [components.MEASURES[name] for name in use]
    return {
        "picture": page.pictures.get("components"),
        "heads": [f"{each.title}, {each.unit}".rstrip(", ") for each in measures],
        "rows": components.rows(use),
        "step_s": page.charts.step_s,
    }
