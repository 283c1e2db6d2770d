"""The charts of a run, by name."""

from typing import Protocol

import matplotlib as mpl
from matplotlib.figure import Figure

from gauntlet.reports.render.charts import drawing, latency, recovery, timeline
from gauntlet.reports.render.charts.data import ChartData


class Chart(Protocol):
    """The module of a chart."""

    LABEL: str

    def draw(self, data: ChartData) -> Figure:
        """Return the chart."""
        ...


FIGURES: dict[str, Chart] = {"timeline": timeline, "latency": latency, "recovery": recovery}


def draw(data: ChartData, name: str) -> tuple[bytes, str]:
    """Return the chart of that name as PNG, and as SVG markup for a page."""
    chart = FIGURES[name]
    with mpl.rc_context():
        mpl.rcParams.update(drawing.STYLE)
        figure = chart.draw(data)
        return drawing.png(figure), drawing.markup(figure, name, chart.LABEL)
