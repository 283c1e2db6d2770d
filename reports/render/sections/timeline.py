"""Rates and connections over time, with faults as shaded bands."""

from typing import Any

from gauntlet.core.plugins import SectionKind
from gauntlet.reports import extras
from gauntlet.reports.render.sections.page import Page

KIND = SectionKind("timeline", "rates, latencies and faults over time")


def context(page: Page) -> dict[str, Any] | None:
    if not page.result["series"]:
        return None
    witnesses = [witness for check in page.result["checks"] for witness in check["witnesses"]]
    violations = any(witness.get("at_s") is not None for witness in witnesses)
    return {
        "picture": page.pictures.get("timeline"),
        "install": extras.install_command("charts"),
        "violations": violations,
    }
