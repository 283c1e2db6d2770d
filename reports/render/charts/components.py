"""What the components of the system used, below each other on one time axis."""

from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gauntlet.reports.render import components
from gauntlet.reports.render.charts import axes, drawing
from gauntlet.reports.render.charts.data import ChartData
from gauntlet.reports.render.charts.drawing import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    SKY,
    WIDTH_IN,
)
from gauntlet.reports.render.components import Panel

LABEL = "What each component of the system used over time, with the faults as shaded bands"
# Lines also differ in style, and more components than colours have other dashes.
COLOURS = (BLUE, GREEN, PURPLE, ORANGE, SKY)
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (6, 2, 1, 2)))
OTHERS: dict[str, Any] = {"color": MUTED, "linestyle": (0, (1.2, 1.6))}
_PANEL_IN, _AXIS_IN = 1.65, 0.45


def markup(data: ChartData) -> str:
    """Return the chart as SVG markup."""
    with mpl.rc_context():
        mpl.rcParams.update(drawing.STYLE)
        return drawing.markup(draw(data), "components", LABEL)


def draw(data: ChartData) -> Figure:
    """Return the chart: a panel for each measure, whose lines are named above it."""
    panels = components.panels(data.components, data.step_s)
    figure = Figure(figsize=(WIDTH_IN, _AXIS_IN + _PANEL_IN * len(panels)))
    drawn = list(figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0])
    for at, panel in zip(drawn, panels, strict=True):
        _draw(at, panel, data.series["second"])
    axes.time_axis(drawn[-1], data.series["second"], data.step_s)
    axes.bands(drawn, data, named=False)
    axes.arrange(figure, drawn, 1)
    figure.subplots_adjust(hspace=0.42)
    return figure


def look(style: int | None) -> dict[str, Any]:
    """Return the colour and the dashes of a line; the first 15 differ."""
    if style is None:
        return OTHERS
    turn, colour = divmod(style, len(COLOURS))
    return {"color": COLOURS[colour], "linestyle": DASHES[(colour + turn) % len(DASHES)]}


def _draw(at: Axes, panel: Panel, seconds: list[int]) -> None:
    for line in panel.lines:
        at.plot(seconds, axes.numbers(line.values), label=line.name, **look(line.style))
    at.set_ylim(bottom=0)
    at.yaxis.set_major_locator(MaxNLocator(3))
    place: dict[str, Any] = {
        "loc": "lower right",
        "bbox_to_anchor": (1.0, 1.01),
        "borderaxespad": 0.0,
    }
    at.legend(ncols=len(panel.lines), fontsize=8.5, handlelength=1.6, columnspacing=1.2, **place)
    at.set_title(panel.title, loc="left", fontsize=9.5, fontweight="bold", color=INK, pad=6)
