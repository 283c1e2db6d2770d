"""The sections of the report, in their order.

Each returns the context of its template, or None if the section is left out.

To add one: a file here, a template of the same name, a line in `SECTIONS`.
"""

from collections.abc import Callable
from typing import Any

from gauntlet.reports.render.sections import (
    checks,
    environment,
    evidence,
    grade,
    latency,
    objectives,
    recovery,
    self_audit,
    timeline,
    verdict,
)
from gauntlet.reports.render.sections.page import Page

Section = Callable[[Page], dict[str, Any] | None]

SECTIONS: dict[str, Section] = {
    "verdict": verdict.context,
    "timeline": timeline.context,
    "latency": latency.context,
    "self_audit": self_audit.context,
    "recovery": recovery.context,
    "grade": grade.context,
    "checks": checks.context,
    "objectives": objectives.context,
    "evidence": evidence.context,
    "environment": environment.context,
}
