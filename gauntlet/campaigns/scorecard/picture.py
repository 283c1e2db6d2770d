"""The picture of the scorecard: each seeded bug's detection rate with its interval, and alarms."""

import io

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gauntlet.campaigns.scorecard.page import judged
from gauntlet.campaigns.scorecard.trials import Part, Record, Records
from gauntlet.campaigns.scorecard.wilson import interval

# The colours of Okabe and Ito, which can be distinguished with any colour vision.
_GREEN, _VERMILION, _GRID = "#009e73", "#d55e00", "#d9dee5"
_ROW_IN, _MARGIN_IN, _WIDTH_IN = 0.26, 1.6, 9.0
_STYLE = mpl.RcParams({"svg.fonttype": "none", "svg.hashsalt": "gauntlet", "font.size": 9.0})


def draw(records: Records) -> str:
    """Return the picture as SVG; the same records give the same text."""
    rows = _rows(records)
    with mpl.rc_context(_STYLE):
        height = _MARGIN_IN + _ROW_IN * len(rows)
        figure = Figure(figsize=(_WIDTH_IN, height), layout="constrained")
        figure.patch.set_facecolor("white")
        axes = figure.add_subplot()
        _shares(axes, rows)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def _rows(records: Records) -> list[tuple[str, list[Record], bool]]:
    """Return label, records and whether they must be red: the parts as wholes, then each bug."""
    rows = [
        (f"all {part}", judged(records.of_part(part)), part.wrong)
        for part in (Part.ANOMALIES, Part.BUGS, Part.CORRECT, Part.CLEAN)
    ]
    rows += [(key, judged(records.of(key)), True) for key in records.keys(Part.BUGS)]
    return [row for row in rows if row[1]]


def _shares(axes: Axes, rows: list[tuple[str, list[Record], bool]]) -> None:
    for at, (_, found, wrong) in enumerate(rows):
        red = sum(record.detected for record in found)
        low, high = interval(red, len(found))
        good = not any(record.bad for record in found)
        colour = _GREEN if good else _VERMILION
        axes.plot([100 * low, 100 * high], [at, at], color=colour, linewidth=2.0)
        marker = "o" if wrong else "D"
        axes.plot([100 * red / len(found)], [at], marker, color=colour, markersize=6)
    labels = [f"{label} ({len(found)})" for label, found, _ in rows]
    axes.set_yticks(range(len(rows)), labels)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(-2, 102)
    axes.set_xlabel("runs that failed, in % (● must fail, ◆ must not), with 95 % intervals")
    axes.set_title("What the judge reports (number of runs)", loc="left")
    axes.grid(axis="x", color=_GRID)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)
