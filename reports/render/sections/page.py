"""The data from which every section is made."""

from dataclasses import dataclass, field
from typing import Any

from gauntlet.reports.render.charts.data import ChartData


@dataclass(frozen=True)
class Page:
    """A result, its manifest, the pictures (SVG markup) by name, and what the charts show."""

    result: dict[str, Any]
    manifest: dict[str, Any]
    pictures: dict[str, str] = field(default_factory=dict)
    charts: ChartData | None = None
