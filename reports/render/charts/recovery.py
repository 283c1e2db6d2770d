"""A bar for each fault: how long it was active, how long the recovery took, and what is allowed."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gauntlet.reports import formatting
from gauntlet.reports.render.charts import axes
from gauntlet.reports.render.charts.data import ChartData
from gauntlet.reports.render.charts.drawing import BAND, BLUE, INK, VERMILION, WIDTH_IN

# The text beside the longest bar needs room. The margins of matplotlib give none if the recovery
# was immediate: where a bar begins, they end.
_ROOM_FOR_TEXT = 1.3

LABEL = "How long each fault was active, and how long the recovery from it took"


def draw(data: ChartData) -> Figure:
    """Return the chart."""
    faults = data.effective
    figure = Figure(figsize=(WIDTH_IN, 1.1 + 0.36 * max(2, len(faults))))
    panel = figure.subplots()
    rows = range(len(faults))
    active_s = [_active_s(fault) for fault in faults]
    took = [_recovered_s(fault) for fault in faults]
    after = [took_s or 0.0 for took_s in took]
    panel.barh(rows, active_s, height=0.55, color=BAND, alpha=0.35, label="fault active")
    panel.barh(rows, after, left=active_s, height=0.55, color=BLUE, label="recovery")
    for row, fault in enumerate(faults):
        panel.annotate(
            _text(fault, took[row]),
            (active_s[row] + after[row], row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
        )
    _limits(panel, data, active_s)
    panel.set_yticks(rows, [fault["id"] for fault in faults])
    panel.tick_params(axis="y", labelcolor=INK)
    panel.set_ylim(max(len(faults), 2) - 0.5, -0.5)
    panel.grid(visible=False)
    panel.grid(visible=True, axis="x")
    panel.set_xlabel("seconds from the fault's effect")
    panel.set_xlim(0, _longest_s(data, active_s, after) * _ROOM_FOR_TEXT)
    axes.legend(figure, panel)
    axes.arrange(figure, [panel], 0)
    return figure


def _longest_s(data: ChartData, active_s: list[float], after_s: list[float]) -> float:
    """Return where the last bar or limit ends; some time if there is neither."""
    ends = [active + after for active, after in zip(active_s, after_s, strict=True)]
    ends += [
        active + (_allowed_s(fault, data) or 0.0)
        for active, fault in zip(active_s, data.effective, strict=True)
    ]
    return max(ends, default=0.0) or 1.0


def _limits(panel: Axes, data: ChartData, active_s: list[float]) -> None:
    """Draw the time that the `expect` of each fault, or an objective, allows for the recovery."""
    named = "longest time allowed"
    for row, fault in enumerate(data.effective):
        allowed_s = _allowed_s(fault, data)
        if allowed_s is None:
            continue
        late = (_recovered_s(fault) or 0.0) > allowed_s or fault["recovery_ms"] == "inf"
        panel.vlines(
            active_s[row] + allowed_s, row - 0.38, row + 0.38, linewidth=2,
            colors=VERMILION if late else INK, label=named,
        )  # fmt: skip
        named = "_once"  # matplotlib leaves names with an underscore out of the legend


def _allowed_s(fault: dict[str, Any], data: ChartData) -> float | None:
    windows = ("steady", "run", f"fault:{fault['id']}", f"recovery:{fault['id']}")
    allowed = [each.value / 1000 for each in data.limits("recovery") if each.window in windows]
    if fault["id"] in data.expected_s:
        allowed.append(data.expected_s[fault["id"]])
    return min(allowed, default=None)


def _active_s(fault: dict[str, Any]) -> float:
    begun, healed = fault["effective_at_s"], fault["healed_at_s"]
    return 0.0 if healed is None else float(healed - begun)


def _recovered_s(fault: dict[str, Any]) -> float | None:
    took_ms = fault["recovery_ms"]
    return None if took_ms in (None, "inf") else float(took_ms) / 1000


def _text(fault: dict[str, Any], took_s: float | None) -> str:
    if took_s is None:
        return "unknown" if fault["recovery_ms"] is None else "did not recover"
    return f"{formatting.ms(took_s * 1000)} to recover" if took_s else "recovered immediately"
