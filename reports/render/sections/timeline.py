"""Rates and connections over time, with faults as shaded bands."""

from typing import Any

from gauntlet.core.plugins import SectionKind
from gauntlet.reports.render.sections.page import Page

KIND = SectionKind("timeline", "rates, latencies and faults over time")


def context(page: Page) -> dict[str, Any] | None:
    picture = page.pictures.get("timeline")
    return {"picture": picture} if picture else None
