"""What the scripts of a page draw: the data of its charts as JSON.

The pictures show the same without any script; these charts can be zoomed and filtered.
"""

from collections.abc import Sequence
from typing import Any

from gauntlet.reports.render import components
from gauntlet.reports.render.charts.data import ChartData

_Line = tuple[str, str, str, list[int] | None]
_RATES: tuple[_Line, ...] = (
    ("sent", "sent", "--muted", []),
    ("acked", "acknowledged", "--blue", []),
    ("delivered", "delivered", "--green", [8, 3]),
    ("missed", "missed", "--vermilion", []),
)

# The styles of the lines of components, as in the pictures.
_COLOURS = ("--blue", "--green", "--purple", "--orange", "--sky")
_DASHES: tuple[list[int], ...] = ([], [8, 3], [9, 3, 2, 3])


def of_run(data: ChartData) -> dict[str, Any]:
    """Return the charts of a run."""
    rates = [row for row in _RATES if row[0] != "missed" or any(data.series.get("missed", ()))]
    return {
        "x": data.series["second"],
        "faults": [
            {
                "id": fault["id"],
                "from": fault["effective_at_s"],
                "to": fault["healed_at_s"],
                "until": fault["recovered_at_s"],
            }
            for fault in data.effective
        ],
        "violations": data.violations,
        "charts": [
            _chart("figure-timeline", "messages per second", data, rates, "rates"),
            _chart(
                "figure-timeline",
                "connections",
                data,
                [("connections", "connections", "--purple", [])],
            ),
            _latency("ack", "acknowledged after", "--blue", data),
            _latency("delivery", "delivered after", "--green", data),
            *_components(data),
        ],
    }


def _components(data: ChartData) -> list[dict[str, Any]]:
    return [
        {
            "figure": "figure-components",
            "title": panel.title,
            "unit": "",
            "height": 150,
            "lines": [
                {"name": line.name, **_look(line.style), "values": line.values}
                for line in panel.lines
            ],
            "limits": [],
        }
        for panel in components.panels(data.components, data.step_s)
    ]


def _look(style: int | None) -> dict[str, Any]:
    if style is None:
        return {"colour": "--muted", "dash": [2, 3]}
    turn, colour = divmod(style, len(_COLOURS))
    return {"colour": _COLOURS[colour], "dash": _DASHES[(colour + turn) % len(_DASHES)]}


def _latency(lane: str, title: str, colour: str, data: ChartData) -> dict[str, Any]:
    lines: list[_Line] = [
        (f"{lane}_p50_ms", "median", colour, [2, 3]),
        (f"{lane}_p99_ms", "p99", colour, []),
        (f"{lane}_max_ms", "slowest", "--muted", None),
    ]
    return {**_chart("figure-latency", title, data, lines, lane), "unit": "ms"}


def _chart(
    figure: str,
    title: str,
    data: ChartData,
    lines: Sequence[_Line],
    panel: str = "",
) -> dict[str, Any]:
    """Return one chart; a line without a dash pattern is one of points."""
    return {
        "figure": figure,
        "title": title,
        "unit": "",
        "lines": [
            {"name": name, "colour": colour, "dash": dash, "values": data.series[key]}
            for key, name, colour, dash in lines
        ],
        "limits": [
            {
                "value": limit.value,
                "text": limit.text,
                "violated": limit.violated,
                "spans": [list(span) for span in limit.spans],
            }
            for limit in data.limits(panel)
        ],
    }
