"""The charts of a run, drawn from its result. No other module imports matplotlib.

Series have the colours of Okabe and Ito (https://jfly.uni-koeln.de/color/), which can be
distinguished with any colour vision, and lines also differ in style. The colours of the SVG markup
are CSS variables, so that the page decides on light or dark; the PNG is the same chart on white.
"""

import io
import math
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from gauntlet.reports import formatting

INK, MUTED, GRID, BAND = "#1b1f24", "#667080", "#d9dee5", "#c2410c"
BLUE, GREEN, VERMILION, PURPLE = "#0072b2", "#009e73", "#d55e00", "#8e4b80"
# The CSS variables that replace these colours in the SVG markup; style.css defines them.
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    BAND: "--band",
    BLUE: "--blue",
    GREEN: "--green",
    VERMILION: "--vermilion",
    PURPLE: "--purple",
}
WIDTH_IN = 10.6
# The height of a line, the width of a letter, and the space around the texts of the axes.
LINE_IN, LETTER_IN, PADDING_IN = 0.18, 0.083, 0.14
LABEL_ROWS = 3
SHORT_LOG_AXIS = 100  # upper over lower end of a log axis, below which it needs more labels
LETTER_SHARE = 0.0072  # width of a letter of a label, as a share of the axis
STYLE = mpl.RcParams(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "gauntlet",  # makes the ids, and so the file, reproducible
        "font.size": 9.5,
        "text.color": INK,
        "axes.labelcolor": MUTED,
        "axes.edgecolor": GRID,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "lines.linewidth": 1.8,
        "lines.solid_capstyle": "round",
        "legend.frameon": False,
    }
)

Result = dict[str, Any]


def timeline(result: Result) -> Figure:
    """Draw messages per second, connections, faults and the states of cutovers over time."""
    figure = Figure(figsize=(WIDTH_IN, 4.7))
    rates, connections = figure.subplots(2, 1, sharex=True, height_ratios=[5, 2])
    series = result["series"]
    seconds = series["second"]
    rates.fill_between(seconds, series["sent"], step="mid", color=GRID, linewidth=0)
    rates.step(seconds, series["sent"], where="mid", color=MUTED, linewidth=1, label="sent")
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
    connections.set_ylabel("connections")
    connections.set_ylim(bottom=0)
    connections.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    _legend(figure, rates)
    _time_axis(connections, seconds)
    rows = _bands([rates, connections], result)
    _cutover_states(connections, result)
    _arrange(figure, [rates, connections], rows)
    return figure


def latency(result: Result) -> Figure:
    """Draw acknowledgement and delivery percentiles by intended second, on a log axis."""
    figure = Figure(figsize=(WIDTH_IN, 5.0))
    axes = figure.subplots(2, 1, sharex=True, sharey=True)
    series = result["series"]
    seconds = series["second"]
    for panel, lane, colour, label in zip(
        axes,
        ("ack", "delivery"),
        (BLUE, GREEN),
        ("acknowledged after", "delivered after"),
        strict=True,
    ):
        p50, p99, worst = (_numbers(series[f"{lane}_{name}_ms"]) for name in ("p50", "p99", "max"))
        panel.plot(seconds, p99, color=colour, label="p99")
        panel.plot(seconds, p50, color=colour, linestyle=(0, (1.2, 1.6)), label="median")
        panel.plot(seconds, worst, ".", color=MUTED, markersize=3.5, label="slowest")
        panel.set_yscale("log")
        panel.yaxis.set_major_formatter(FuncFormatter(_milliseconds))
        panel.yaxis.set_minor_locator(NullLocator())
        panel.set_ylabel(label)
        _mark_never(panel, seconds, series[f"{lane}_max_ms"])
    _log_ticks(axes[0])
    _legend(figure, axes[0])
    _time_axis(axes[1], seconds)
    _arrange(figure, list(axes), _bands(list(axes), result))
    return figure


def recovery(result: Result) -> Figure:
    """Draw a bar for each fault: how long it was active, and how long the recovery took."""
    faults = [fault for fault in result["faults"] if fault["effective_at_s"] is not None]
    figure = Figure(figsize=(WIDTH_IN, 1.1 + 0.36 * max(2, len(faults))))
    axes = figure.subplots()
    rows = range(len(faults))
    active_s = [_active_s(fault) for fault in faults]
    took = [_recovered_s(fault) for fault in faults]
    after = [took_s or 0.0 for took_s in took]
    axes.barh(rows, active_s, height=0.55, color=BAND, alpha=0.35, label="fault active")
    axes.barh(rows, after, left=active_s, height=0.55, color=BLUE, label="recovery")
    for row, fault in enumerate(faults):
        axes.annotate(
            _recovery_text(fault, took[row]),
            (active_s[row] + after[row], row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_yticks(rows, [fault["id"] for fault in faults])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(max(len(faults), 2) - 0.5, -0.5)
    axes.grid(visible=False)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel("seconds from the fault's effect")
    axes.margins(x=0.18)
    _legend(figure, axes)
    _arrange(figure, [axes], 0)
    return figure


def _active_s(fault: dict[str, Any]) -> float:
    begun, healed = fault["effective_at_s"], fault["healed_at_s"]
    return 0.0 if healed is None else healed - begun


def _recovered_s(fault: dict[str, Any]) -> float | None:
    took_ms = fault["recovery_ms"]
    return None if took_ms in (None, "inf") else took_ms / 1000


def _recovery_text(fault: dict[str, Any], took_s: float | None) -> str:
    if took_s is None:
        return "unknown" if fault["recovery_ms"] is None else "did not recover"
    return f"{formatting.ms(took_s * 1000)} to recover" if took_s else "recovered immediately"


FIGURES: dict[str, Callable[[Result], Figure]] = {
    "timeline": timeline,
    "latency": latency,
    "recovery": recovery,
}


def draw(name: str, result: Result) -> tuple[bytes, str]:
    """Return the chart of that name as PNG, and as SVG markup for a page."""
    with mpl.rc_context():
        mpl.rcParams.update(STYLE)
        figure = FIGURES[name](result)
        FigureCanvasAgg(figure)
        png, svg = io.BytesIO(), io.StringIO()
        figure.savefig(png, format="png", dpi=120, facecolor="white", metadata={"Software": None})
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
    return png.getvalue(), _for_page(svg.getvalue(), name)


def _for_page(svg: str, name: str) -> str:
    """Return the <svg> element: without a fixed size, with unique ids, CSS variables as colours."""
    markup = svg[svg.index("<svg") :]
    markup = re.sub(r"<metadata>.*?</metadata>", "", markup, flags=re.DOTALL)
    markup = re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", markup, count=1)
    markup = re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", markup, count=1)
    markup = re.sub(r'xmlns(:xlink)?="[^"]*"', "", markup)
    # Ids are unique within one chart only, but a page has several charts.
    markup = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", markup)
    for colour, variable in VARIABLES.items():
        markup = markup.replace(colour, f"var({variable})")
    return markup


def _numbers(column: list[Any]) -> list[float]:
    """Return values to draw; NaN, for missing and infinite values, leaves a gap in the line."""
    numbers = (math.nan if value is None else float(value) for value in column)
    return [value if math.isfinite(value) else math.nan for value in numbers]


def _mark_never(axes: Axes, seconds: list[int], column: list[Any]) -> None:
    """Mark each second of which a message never arrived with a cross at the top."""
    lost = [second for second, value in zip(seconds, column, strict=True) if value == "inf"]
    if lost:
        place = axes.get_xaxis_transform()
        axes.plot(lost, [0.97] * len(lost), "x", color=VERMILION, transform=place, label="never")


def _milliseconds(value: float, _position: int) -> str:
    return f"{value / 1000:.3g} s" if value >= 1000 else f"{value:.3g} ms"


def _log_ticks(axes: Axes) -> None:
    """Label 1, 2 and 5 of each decade on an axis that may be too short for powers of 10."""
    low, high = axes.get_ylim()
    if high < SHORT_LOG_AXIS * low:
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper right", ncols=4, handlelength=1.8)


def _arrange(figure: Figure, panels: list[Axes], label_rows: int) -> None:
    """Leave room for the legend, rows of labels above the first panel, and the texts of the axes.

    Matplotlib finds the same by drawing everything several times, which takes as long as the rest.
    """
    width_in, height_in = figure.get_size_inches()
    letters = max(len(text) for axes in panels for text in _y_labels(axes))
    left_in = PADDING_IN + LETTER_IN * letters + (LINE_IN if panels[0].get_ylabel() else 0)
    above_in = PADDING_IN + LINE_IN * (1 + label_rows)
    below_in = PADDING_IN + 2 * LINE_IN
    figure.subplots_adjust(
        left=left_in / width_in,
        right=1 - PADDING_IN / width_in,
        top=1 - above_in / height_in,
        bottom=below_in / height_in,
        hspace=0.09,
    )
    figure.align_ylabels(panels)


def _y_labels(axes: Axes) -> list[str]:
    ticks = axes.yaxis.get_major_formatter().format_ticks(list(axes.get_yticks()))
    return ["", *ticks]


def _time_axis(axes: Axes, seconds: list[int]) -> None:
    axes.set_xlim(0, max(1, seconds[-1]))
    axes.set_xlabel("seconds from the start of the ramp")
    axes.xaxis.set_major_locator(MaxNLocator(12, integer=True))


def _bands(panels: list[Axes], result: Result) -> int:
    """Shade the window of each fault, and write its id above the first panel.

    Ids that would overlap are written in several rows; their number is returned.
    """
    span = panels[0].get_xlim()[1]
    rows_end = [-1.0] * LABEL_ROWS
    for fault in sorted(result["faults"], key=lambda fault: fault["effective_at_s"] or 0.0):
        begun, healed = fault["effective_at_s"], fault["healed_at_s"]
        if begun is None:
            continue
        end = max(begun + 0.15, span if healed is None else healed)
        for axes in panels:
            axes.axvspan(begun, end, color=BAND, alpha=0.13, linewidth=0)
            axes.axvline(begun, color=BAND, linewidth=0.9)
        free = (row for row, end_s in enumerate(rows_end) if end_s < begun)
        row = next(free, LABEL_ROWS - 1)
        rows_end[row] = begun + LETTER_SHARE * (len(fault["id"]) + 1) * span
        _label(panels[0], fault["id"], (begun, 1), (1, 3 + 11 * row), color=BAND, fontsize=9)
    return sum(end_s >= 0 for end_s in rows_end)


def _cutover_states(axes: Axes, result: Result) -> None:
    """Draw a line for each state; states in quick succession share a label."""
    near = 0.02 * axes.get_xlim()[1]
    for cutover in result["cutovers"]:
        groups: list[list[dict[str, Any]]] = []
        for step in cutover["steps"]:
            axes.axvline(step["at_s"], color=MUTED, linewidth=0.7, linestyle=(0, (2, 2)))
            if groups and step["at_s"] - groups[-1][0]["at_s"] < near:
                groups[-1].append(step)
            else:
                groups.append([step])
        for group in groups:
            text = " … ".join(dict.fromkeys((group[0]["state"], group[-1]["state"])))
            at = (group[0]["at_s"], 0.06)
            _label(axes, text, at, (2, 0), rotation=90, fontsize=8, color=MUTED)


def _label(
    axes: Axes, text: str, at: tuple[float, float], shift: tuple[float, float], **style: Any
) -> None:
    """Write a text at a time and a height (0 to 1) of a panel, shifted by points."""
    axes.annotate(
        text,
        at,
        xycoords=("data", "axes fraction"),
        xytext=shift,
        textcoords="offset points",
        **style,
    )
