"""Rates and connections over time, with faults as shaded bands."""

from typing import Any

from gauntlet.reports.render.sections.page import Page


def context(page: Page) -> dict[str, Any] | None:
    picture = page.pictures.get("timeline")
    return {"picture": picture} if picture else None
