"""What the panels of several charts share: the time axis, faults, limits, and room for texts."""

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gauntlet.reports.render.charts.data import ChartData
from gauntlet.reports.render.charts.drawing import BAND, INK, MUTED, VERMILION
from gauntlet.reports.render.charts.thresholds import Threshold

# The height of a line, the width of a letter, and the space around the texts of the axes.
LINE_IN, LETTER_IN, PADDING_IN = 0.18, 0.083, 0.14
LABEL_ROWS = 3
LETTER_SHARE = 0.0072  # width of a letter of a label, as a share of the axis
LABELLED_LIMITS_MAX = 3  # in a panel; more labels would cover each other
_DASHED = (0, (6, 3))


def numbers(column: list[Any]) -> list[float]:
    """Return values to draw; NaN, for missing and infinite values, leaves a gap in the line."""
    found = (math.nan if value is None else float(value) for value in column)
    return [value if math.isfinite(value) else math.nan for value in found]


def legend(figure: Figure, axes: Axes, columns: int = 5) -> int:
    """Write the names of the lines above the panels; return the lines that further rows need."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper right", ncols=columns, handlelength=1.8)
    more = math.ceil(len(labels) / columns) - 1
    return more + 1 if more > 0 else 0  # a row is a little higher than a line


def arrange(figure: Figure, panels: list[Axes], label_rows: int) -> None:
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


def time_axis(axes: Axes, seconds: list[int], step_s: int = 1) -> None:
    """Show the whole run, in seconds."""
    axes.set_xlim(0, max(1, seconds[-1] + (step_s if step_s > 1 else 0)))
    rows = f"; each point stands for {step_s} s" if step_s > 1 else ""
    axes.set_xlabel(f"seconds from the start of the ramp{rows}")
    axes.xaxis.set_major_locator(MaxNLocator(12, integer=True))


def bands(panels: list[Axes], data: ChartData, *, named: bool = True) -> int:
    """Shade the window of each fault, and if `named` write its id above the first panel.

    Ids that would overlap are written in several rows; their number is returned.
    """
    span = panels[0].get_xlim()[1]
    rows_end = [-1.0] * LABEL_ROWS
    for fault in sorted(data.effective, key=lambda fault: float(fault["effective_at_s"])):
        begun, healed = fault["effective_at_s"], fault["healed_at_s"]
        end = max(begun + 0.15, span if healed is None else healed)
        for axes in panels:
            axes.axvspan(begun, end, color=BAND, alpha=0.13, linewidth=0)
            axes.axvline(begun, color=BAND, linewidth=0.9)
        if not named:
            continue
        free = (row for row, end_s in enumerate(rows_end) if end_s < begun)
        row = next(free, None)
        if row is None and len(data.effective) > LABEL_ROWS * 8:
            continue  # the page lists them; here they would be illegible
        row = LABEL_ROWS - 1 if row is None else row
        rows_end[row] = begun + LETTER_SHARE * (len(fault["id"]) + 1) * span
        label(panels[0], fault["id"], (begun, 1), (1, 3 + 11 * row), color=BAND, fontsize=9)
    return sum(end_s >= 0 for end_s in rows_end)


def limits(axes: Axes, found: list[Threshold]) -> None:
    """Draw each limit where it holds, and write what it demands above its first part."""
    labelled: set[str] = set()
    for limit in found:
        if not limit.spans:
            continue
        colour = VERMILION if limit.violated else INK
        begins, ends = zip(*limit.spans, strict=True)
        heights = [limit.value] * len(begins)
        axes.hlines(heights, begins, ends, colors=colour, linewidth=1.3, linestyles=_DASHED)
        if limit.text not in labelled and len(labelled) < LABELLED_LIMITS_MAX:
            labelled.add(limit.text)
            at = (begins[0], limit.value)
            axes.annotate(
                limit.text, at, xytext=(1, 2.5), textcoords="offset points", color=colour,
                fontsize=8.5,
            )  # fmt: skip


def violations(axes: Axes, data: ChartData) -> None:
    """Mark when the violations happened that the page shows."""
    if data.violations:
        heights = [0.96] * len(data.violations)
        place = axes.get_xaxis_transform()
        axes.plot(
            data.violations, heights, "v", color=VERMILION, markersize=6, transform=place,
            label="violation",
        )  # fmt: skip


def cutover_states(axes: Axes, data: ChartData) -> None:
    """Draw a line for each state; states in quick succession share a label."""
    near = 0.02 * axes.get_xlim()[1]
    for cutover in data.result["cutovers"]:
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
            label(axes, text, at, (2, 0), rotation=90, fontsize=8, color=MUTED)


def label(
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
