"""Acknowledgement and delivery percentiles by intended second, on a log axis."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from gauntlet.reports.render.charts import axes
from gauntlet.reports.render.charts.data import ChartData
from gauntlet.reports.render.charts.drawing import BLUE, GREEN, MUTED, VERMILION, WIDTH_IN

LABEL = "Median, p99 and slowest latency over time, with the limits of the objectives"
SHORT_LOG_AXIS = 100  # upper over lower end of a log axis, below which it needs more labels
PANELS = (("ack", BLUE, "acknowledged after"), ("delivery", GREEN, "delivered after"))


def draw(data: ChartData) -> Figure:
    """Return the chart."""
    figure = Figure(figsize=(WIDTH_IN, 5.0))
    panels = figure.subplots(2, 1, sharex=True, sharey=True)
    series = data.series
    seconds = series["second"]
    for panel, (lane, colour, name) in zip(panels, PANELS, strict=True):
        p50, p99, worst = (
            axes.numbers(series[f"{lane}_{percentile}_ms"]) for percentile in ("p50", "p99", "max")
        )
        panel.plot(seconds, p99, color=colour, label="p99")
        panel.plot(seconds, p50, color=colour, linestyle=(0, (1.2, 1.6)), label="median")
        panel.plot(seconds, worst, ".", color=MUTED, markersize=3.5, label="slowest")
        log_axis(panel)
        panel.set_ylabel(name)
        _mark_never(panel, seconds, series[f"{lane}_max_ms"])
        axes.limits(panel, data.limits(lane))
    log_ticks(panels[0])
    axes.legend(figure, panels[0])
    axes.time_axis(panels[1], seconds, data.step_s)
    axes.arrange(figure, list(panels), axes.bands(list(panels), data))
    return figure


def log_axis(panel: Axes) -> None:
    """Make the values of a panel milliseconds on a log axis."""
    panel.set_yscale("log")
    panel.yaxis.set_major_formatter(FuncFormatter(milliseconds))
    panel.yaxis.set_minor_locator(NullLocator())


def milliseconds(value: float, _position: int = 0) -> str:
    """Return a tick of an axis."""
    return f"{value / 1000:.3g} s" if value >= 1000 else f"{value:.3g} ms"


def log_ticks(panel: Axes) -> None:
    """Label 1, 2 and 5 of each decade on an axis that may be too short for powers of 10."""
    low, high = panel.get_ylim()
    if high < SHORT_LOG_AXIS * low:
        panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))


def _mark_never(panel: Axes, seconds: list[int], column: list[Any]) -> None:
    """Mark each second of which a message never arrived with a cross at the top."""
    lost = [second for second, value in zip(seconds, column, strict=True) if value == "inf"]
    if lost:
        place = panel.get_xaxis_transform()
        panel.plot(lost, [0.97] * len(lost), "x", color=VERMILION, transform=place, label="never")
