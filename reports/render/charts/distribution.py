"""Percentiles side by side, from the median to the slowest, on a log axis."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from gauntlet.reports.render.charts import axes, drawing, latency

NAMES = {
    "p50": "median", "p90": "p90", "p95": "p95", "p99": "p99", "p999": "p99.9", "max": "slowest",
}  # fmt: skip
COLOURS = (
    drawing.BLUE, drawing.VERMILION, drawing.GREEN, drawing.PURPLE, drawing.ORANGE, drawing.SKY,
)  # fmt: skip
STYLES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.2, 1.6)), (0, (6, 2, 1, 2)))
COLUMNS = 13  # of the legend: names of runs are single letters
_LEAST_MS = 0.01


def look(index: int) -> dict[str, Any]:
    """Return the colour and the style of a line; the first 24 differ."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "linestyle": STYLES[(index // len(COLOURS) + index) % len(STYLES)],
    }


def markup(lines: Mapping[str, Mapping[str, Any]], name: str, label: str) -> str:
    """Return the chart; each line is a row of percentiles as result.json has it."""
    with mpl.rc_context():
        mpl.rcParams.update(drawing.STYLE)
        return drawing.markup(draw([*lines.items()]), name, label)


def draw(lines: Sequence[tuple[str, Mapping[str, Any]]]) -> Figure:
    """Return the chart; an endless or unknown percentile leaves a gap."""
    figure = Figure(figsize=(drawing.WIDTH_IN, 3.1))
    panel = figure.subplots()
    for index, (name, row) in enumerate(lines):
        values = [max(value, _LEAST_MS) for value in axes.numbers([row[each] for each in NAMES])]
        if any(map(math.isfinite, values)):
            panel.plot(
                range(len(values)), values, marker="o", markersize=4, label=name, **look(index)
            )
    panel.set_xticks(range(len(NAMES)), [*NAMES.values()])
    panel.set_xlim(-0.2, len(NAMES) - 0.8)
    latency.log_axis(panel)
    latency.log_ticks(panel)
    axes.arrange(figure, [panel], axes.legend(figure, panel, COLUMNS))
    return figure
