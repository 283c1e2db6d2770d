"""Which files present a result."""

from typing import Any

from gauntlet.reports import extras


def artifacts(result: dict[str, Any]) -> list[str]:
    """Return the names of the files that `gauntlet.reports.render.render` writes for a result."""
    graded = ["grade.md"] if result["grades"] else []
    charts = [f"{name}.png" for name in drawable_charts(result)]
    return ["report.html", "report.css", "junit.xml", "summary.md", *graded, *charts]


def drawable_charts(result: dict[str, Any]) -> list[str]:
    """Return the names of the charts for which the result has data; none without their extra."""
    if not result["series"] or not extras.is_installed("charts"):
        return []
    effective = any(fault["effective_at_s"] is not None for fault in result["faults"])
    return ["timeline", "latency", *(("recovery",) if effective else ())]
