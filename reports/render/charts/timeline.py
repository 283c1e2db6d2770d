"""Messages per second, connections, faults and the states of cutovers over time."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gauntlet.reports.render.charts import axes
from gauntlet.reports.render.charts.data import ChartData
from gauntlet.reports.render.charts.drawing import (
    BLUE,
    GREEN,
    GRID,
    MUTED,
    PURPLE,
    VERMILION,
    WIDTH_IN,
)

LABEL = "Messages per second and open connections over time, with the faults as shaded bands"


def draw(data: ChartData) -> Figure:
    """Return the chart."""
    figure = Figure(figsize=(WIDTH_IN, 4.7))
    rates, connections = figure.subplots(2, 1, sharex=True, height_ratios=[5, 2])
    series = data.series
    seconds = series["second"]
    rates.fill_between(seconds, series["sent"], step="mid", color=GRID, linewidth=0)
    rates.step(seconds, series["sent"], where="mid", color=MUTED, linewidth=1, label="sent")
    for name, colour in (("acked", BLUE), ("delivered", GREEN)):
        if f"{name}_least" in series:
            least, most = series[f"{name}_least"], series[f"{name}_most"]
            rates.fill_between(seconds, least, most, color=colour, alpha=0.2, linewidth=0)
    rates.plot(seconds, series["acked"], color=BLUE, label="acknowledged")
    rates.plot(
        seconds, series["delivered"], color=GREEN, linestyle=(0, (4, 1.5)), label="delivered"
    )
    if any(series.get("missed", ())):
        rates.plot(seconds, series["missed"], color=VERMILION, label="missed")
    rates.set_ylabel("messages per second")
    rates.set_ylim(bottom=0)
    connections.fill_between(seconds, series["connections"], color=PURPLE, alpha=0.15, linewidth=0)
    connections.plot(seconds, series["connections"], color=PURPLE)
    if "connections_least" in series:
        least, most = series["connections_least"], series["connections_most"]
        connections.fill_between(seconds, least, most, color=PURPLE, alpha=0.3, linewidth=0)
    connections.set_ylabel("connections")
    connections.set_ylim(bottom=0)
    connections.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.limits(rates, data.limits("rates"))
    axes.violations(rates, data)
    axes.legend(figure, rates)
    axes.time_axis(connections, seconds, data.step_s)
    rows = axes.bands([rates, connections], data)
    axes.cutover_states(connections, data)
    axes.arrange(figure, [rates, connections], rows)
    return figure
