"""The picture of `make bench-load`: CPU time per message over the rate, ours and every peer."""

import io
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.load.records import Record, Window
from benchmarks.load.round_trip import OURS
from benchmarks.peers import PEERS

# The colours of Okabe and Ito, which can be distinguished with any colour vision.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a6a00")
_OURS_COLOUR, _PLAIN_COLOUR, _GRID = "#000000", "#8a93a0", "#d9dee5"
_MARKERS = ("s", "^", "v", "D", "P", "X", "<")
_STYLE = mpl.RcParams({"svg.fonttype": "none", "svg.hashsalt": "gauntlet", "font.size": 9.0})


class Point(NamedTuple):
    """The windows of one generator at one load: their median rate, and CPU per message."""

    rate_per_s: float
    cpu_us: float
    least_us: float
    most_us: float


def curves(records: Sequence[Record], connections: int) -> dict[str, list[Point]]:
    """Return the points of each generator with this many connections, by rate; ours first."""
    found: dict[str, dict[tuple[str, str], list[Window]]] = {}
    for record in records:
        if record.connections == connections:
            for window in record.windows:
                if not window.failure:
                    loads = found.setdefault(window.who, {})
                    loads.setdefault((record.cell, window.way), []).append(window)
    order = sorted(found, key=lambda who: who != OURS)
    return {who: sorted(_point(windows) for windows in found[who].values()) for who in order}


def draw(records: Sequence[Record]) -> str:
    """Return the picture as SVG; the same records give the same text."""
    numbers = sorted({each.connections for each in records if each.windows})
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(5.2 * max(1, len(numbers)), 5.4), layout="constrained")
        figure.patch.set_facecolor("white")
        panels = figure.subplots(1, max(1, len(numbers)), sharey=True, squeeze=False)[0]
        for axes, connections in zip(panels, numbers, strict=False):
            _panel(axes, connections, curves(records, connections))
        panels[0].set_ylabel("CPU time of the generator per message, in µs")
        handles = {
            text: handle
            for axes in panels
            for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(handles.values(), handles, loc="outside lower center", ncols=3, frameon=False)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def _panel(axes: Axes, connections: int, lines: dict[str, list[Point]]) -> None:
    styles = _styles()
    for who, points in lines.items():
        rates = [point.rate_per_s for point in points]
        costs = [point.cpu_us for point in points]
        below = [point.cpu_us - point.least_us for point in points]
        above = [point.most_us - point.cpu_us for point in points]
        axes.errorbar(rates, costs, [below, above], label=who, capsize=2, **styles[who])
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title(f"{connections:,} connections", loc="left")
    axes.set_xlabel("messages per second")
    axes.grid(which="major", color=_GRID)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _styles() -> dict[str, dict[str, Any]]:
    """Return how each generator is drawn; those without statistics are thin and grey."""
    styles: dict[str, dict[str, Any]] = {
        OURS: {"color": _OURS_COLOUR, "marker": "o", "linewidth": 2.4, "zorder": 5}
    }
    measuring = [peer.name for peer in PEERS.values() if not peer.without_statistics]
    plain = [peer.name for peer in PEERS.values() if peer.without_statistics]
    for at, who in enumerate(measuring):
        colour, marker = _COLOURS[at % len(_COLOURS)], _MARKERS[at % len(_MARKERS)]
        styles[who] = {"color": colour, "marker": marker, "linewidth": 1.4}
    for at, who in enumerate(plain):
        marker = _MARKERS[at % len(_MARKERS)]
        style: dict[str, Any] = {
            "color": _PLAIN_COLOUR,
            "marker": marker,
            "linewidth": 0.9,
            "linestyle": "--",
        }
        styles[who] = {**style, "linewidth": 0.9, "markerfacecolor": "white"}
    return styles


def _point(windows: list[Window]) -> Point:
    costs = [each.cpu_us for each in windows]
    rate_per_s = statistics.median(each.rate_per_s for each in windows)
    return Point(rate_per_s, statistics.median(costs), min(costs), max(costs))
