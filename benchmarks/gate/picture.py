"""The picture of the gate: how often a change of each size is found, by the number of pairs."""

import io

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.gate.results import CHANGES, MIN_EFFECTS, Results
from benchmarks.gate.subject import MEASURE
from gauntlet.campaigns.scorecard.wilson import interval

# The colours of Okabe and Ito, which can be distinguished with any colour vision.
_COLOURS = ("#d55e00", "#0072b2", "#009e73")
_GRID = "#d9dee5"


def draw(found: Results) -> bytes:
    """Return the picture as PNG."""
    with mpl.rc_context({"font.size": 10.0}):
        figure = Figure(figsize=(8.0, 4.6), layout="constrained", dpi=130)
        axes = figure.add_subplot()
        percents = [100 * change for change in CHANGES]
        for curve, colour in zip(found.curves, _COLOURS, strict=True):
            shares = [100 * each.red / each.gates for each in curve.found]
            bounds = [interval(each.red, each.gates) for each in curve.found]
            axes.fill_between(
                percents,
                [100 * low for low, _ in bounds],
                [100 * high for _, high in bounds],
                color=colour,
                alpha=0.2,
                linewidth=0,
            )
            label = f"{curve.compare.pairs} pairs"
            axes.plot(percents, shares, "o-", color=colour, markersize=4, label=label)
        axes.axhline(95, color="#555", linewidth=0.8, linestyle="--")
        axes.axvline(_percent(MIN_EFFECTS[0]), color="#555", linewidth=0.8, linestyle=":")
        axes.annotate("95 %", (0.4, 94), va="top", color="#555")
        axes.annotate("min_effect", (_percent(MIN_EFFECTS[0]) + 0.3, 2), color="#555")
        axes.set_xlabel(f"true change of {MEASURE}, in %")
        axes.set_ylabel("gates that are red, in %")
        axes.set_title(
            f"What a gate finds on the measured machine ({found.triples} recorded pairs)",
            loc="left",
        )
        axes.set_xlim(0, 100 * CHANGES[-1])
        axes.set_ylim(0, 101)
        axes.grid(color=_GRID)
        axes.legend(loc="center right", frameon=False)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        content = io.BytesIO()
        figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


def _percent(text: str) -> float:
    return float(text.rstrip("%"))
