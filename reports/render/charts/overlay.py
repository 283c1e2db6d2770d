"""The timelines of several runs over each other."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gauntlet.reports.render.charts import axes, drawing, latency
from gauntlet.reports.render.charts.distribution import COLUMNS, look

LABEL = "Acknowledged messages per second and p99 of delivery of each run, over each other"


class Line(NamedTuple):
    """A run: its name, and its series with rows of the same length as those of the others."""

    name: str
    series: dict[str, list[Any]]


def markup(lines: Sequence[Line], faults: list[dict[str, Any]], step_s: int) -> str:
    """Return the chart, with the faults of the first run."""
    with mpl.rc_context():
        mpl.rcParams.update(drawing.STYLE)
        return drawing.markup(draw(lines, faults, step_s), "overlay", LABEL)


def draw(lines: Sequence[Line], faults: list[dict[str, Any]], step_s: int) -> Figure:
    """Return the chart."""
    figure = Figure(figsize=(drawing.WIDTH_IN, 5.2))
    rates, slow = figure.subplots(2, 1, sharex=True)
    for index, line in enumerate(lines):
        seconds, style = line.series["second"], {**look(index), "linewidth": 1.4}
        rates.plot(seconds, line.series["acked"], label=line.name, **style)
        slow.plot(seconds, axes.numbers(line.series["delivery_p99_ms"]), **style)
    rates.set_ylabel("acknowledged per second")
    rates.set_ylim(bottom=0)
    slow.set_ylabel("p99 until delivered")
    latency.log_axis(slow)
    latency.log_ticks(slow)
    rows = axes.legend(figure, rates, COLUMNS)
    longest = max((line.series["second"] for line in lines), key=len)
    axes.time_axis(slow, longest, step_s)
    for panel in (rates, slow):
        _shade(panel, faults)
    axes.arrange(figure, [rates, slow], rows)
    return figure


def _shade(panel: Axes, faults: list[dict[str, Any]]) -> None:
    span = panel.get_xlim()[1]
    for fault in faults:
        begun, healed = fault.get("effective_at_s"), fault.get("healed_at_s")
        if begun is not None:
            end = span if healed is None else max(begun + 0.15, healed)
            panel.axvspan(begun, end, color=drawing.BAND, alpha=0.1, linewidth=0)
