"""What happened when: rates and connections, with the faults shaded."""

from typing import Any

from gauntlet.reports.render.sections.page import Page


def facts(page: Page) -> dict[str, Any] | None:
    picture = page.pictures.get("timeline")
    return {"picture": picture} if picture else None
