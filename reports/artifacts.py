"""Which files a result is shown by."""

from typing import Any


def artifacts(result: dict[str, Any]) -> list[str]:
    """The files that `gauntlet.reports.render.render` writes for this result."""
    graded = ["grade.md"] if result["grades"] else []
    pictures = [f"{name}.png" for name in drawable(result)]
    return ["report.html", "junit.xml", "summary.md", *graded, *pictures]


def drawable(result: dict[str, Any]) -> list[str]:
    """The pictures for which there is something to show."""
    acted = any(fault["effective_at_s"] is not None for fault in result["faults"])
    if not result["series"]:
        return []
    return ["timeline", "latency", *(("recovery",) if acted else ())]
