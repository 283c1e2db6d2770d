"""Every check with its verdict: required ones first."""

from typing import Any

from gauntlet.kernel import vocabulary
from reports.sections.page import Page


def facts(page: Page) -> dict[str, Any] | None:
    checks = page.result["checks"]
    if not checks:
        return None
    ordered = sorted(checks, key=lambda check: not check["required"])
    return {"rows": [{**check, "meaning": vocabulary.CHECKS[check["id"]]} for check in ordered]}
