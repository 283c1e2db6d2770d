"""Every check with its verdict; required checks come first."""

from typing import Any

from gauntlet.core.plugins import SectionKind
from gauntlet.core.scenario import catalog
from gauntlet.reports.render import anchors
from gauntlet.reports.render.sections.page import Page

KIND = SectionKind("checks", "every check with its finding")


def context(page: Page) -> dict[str, Any] | None:
    checks = page.result["checks"]
    if not checks:
        return None
    ordered = sorted(checks, key=lambda check: not check["required"])
    return {
        "rows": [
            {
                **check,
                "meaning": catalog.CHECKS[check["id"]].about,
                "anchor": anchors.element_id("check", check["id"]),
                "evidence": anchors.of_check(check) if check["witnesses"] else None,
            }
            for check in ordered
        ]
    }
