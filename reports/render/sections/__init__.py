"""The sections of the report, in their order. Each gives a template its facts, or None: left out.

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
    "verdict": verdict.facts,
    "timeline": timeline.facts,
    "latency": latency.facts,
    "self_audit": self_audit.facts,
    "recovery": recovery.facts,
    "grade": grade.facts,
    "checks": checks.facts,
    "objectives": objectives.facts,
    "evidence": evidence.facts,
    "environment": environment.facts,
}
