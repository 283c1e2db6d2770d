"""The sections of the report, in their order.

Each returns the context of its template, or None if the section is left out.

To add a section: a file, a template of the same name, its test, and a line here; then `make docs`.
See docs/howto/write-a-plug-in.md.
"""

from collections.abc import Callable
from typing import Any, Protocol

from gauntlet.core.plugins import SectionKind
from gauntlet.reports.render.sections import (
    checks,
    components,
    cutover,
    environment,
    errors,
    evidence,
    grade,
    heat_map,
    latency,
    objectives,
    recovery,
    self_audit,
    timeline,
    verdict,
)
from gauntlet.reports.render.sections.page import Page

Section = Callable[[Page], dict[str, Any] | None]


class SectionModule(Protocol):
    """The file of a section."""

    KIND: SectionKind

    def context(self, page: Page) -> dict[str, Any] | None:
        """Return what the template shows; None leaves the section out."""
        ...


_REGISTERED: tuple[SectionModule, ...] = (
    verdict,
    timeline,
    recovery,
    cutover,
    latency,
    heat_map,
    components,
    self_audit,
    grade,
    checks,
    objectives,
    errors,
    evidence,
    environment,
)

KINDS: dict[str, SectionKind] = {module.KIND.name: module.KIND for module in _REGISTERED}
SECTIONS: dict[str, Section] = {module.KIND.name: module.context for module in _REGISTERED}
