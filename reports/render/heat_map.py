"""Where the cells, axes and faults of a heat map are drawn.

A cell is darker the more messages it has, on a log scale: one message must be visible beside a
thousand. Cells of one shade are one path, so that a map of thousands of cells is small.
"""

import math
from typing import Any

SHADES = 7
LEFT, TOP, WIDTH, HEIGHT, BELOW = 62, 16, 930, 190, 34
_NEVER_HEIGHT = 8
_TICKS = 10
_STEPS_S = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400,
)  # fmt: skip


def layout(heat_map: dict[str, Any], faults: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the coordinates of a heat map of result.json."""
    counts, edges = heat_map["counts"], heat_map["edges_ms"]
    most = max((max(row, default=0) for row in counts), default=0)
    end_s = len(counts) * heat_map["step_s"]
    width, height = WIDTH / max(1, len(counts)), HEIGHT / max(1, len(edges) - 1)
    return {
        "width": LEFT + WIDTH + 8,
        "height": TOP + HEIGHT + BELOW,
        "shades": [
            {"opacity": round(0.14 + 0.86 * shade / (SHADES - 1), 2), "path": path}
            for shade, path in enumerate(_paths(counts, most, width, height))
            if path
        ],
        "never": [
            {"x": round(LEFT + at * width, 1), "count": count}
            for at, count in enumerate(heat_map["never"])
            if count
        ],
        "cell": round(max(width, 1.5), 2),
        "never_y": TOP - _NEVER_HEIGHT - 2,
        "never_height": _NEVER_HEIGHT,
        "left": LEFT,
        "right": LEFT + WIDTH,
        "top": TOP,
        "bottom": TOP + HEIGHT,
        "rows": _rows(edges, height),
        "ticks": _time_ticks(end_s),
        "bands": _bands(faults, end_s),
        "most": f"{most:,}",
        "step_s": heat_map["step_s"],
    }


def _paths(counts: list[list[int]], most: int, width: float, height: float) -> list[str]:
    """Return the cells of each shade as one path."""
    paths: list[list[str]] = [[] for _ in range(SHADES)]
    scale = math.log1p(most) or 1.0
    for column, row in enumerate(counts):
        x = f"{LEFT + column * width:.1f}"
        for at, count in enumerate(row):
            if count:
                shade = min(SHADES - 1, int(math.log1p(count) / scale * SHADES))
                y = TOP + HEIGHT - (at + 1) * height
                paths[shade].append(f"M{x} {y:.1f}h{width:.2f}v{height:.1f}h-{width:.2f}z")
    return ["".join(path) for path in paths]


def _rows(edges: list[float], height: float) -> list[dict[str, Any]]:
    """Return the labels of the powers of ten, or of the ends if there is none between them."""
    rows = []
    for at, edge in enumerate(edges):
        power = round(math.log10(edge))
        if abs(edge / 10**power - 1) < 0.01 or len(edges) <= 6:
            rows.append({"y": round(TOP + HEIGHT - at * height, 1), "text": _ms(edge)})
    return rows


def _ms(value: float) -> str:
    return f"{value / 1000:.3g} s" if value >= 1000 else f"{value:.3g} ms"


def _time_ticks(end_s: float) -> list[dict[str, Any]]:
    if end_s <= 0:
        return []
    step = next((each for each in _STEPS_S if end_s / each <= _TICKS + 2), _STEPS_S[-1])
    return [
        {"x": round(LEFT + WIDTH * second / end_s, 1), "text": f"{second:,}"}
        for second in range(0, int(end_s) + 1, step)
    ]


def _bands(faults: list[dict[str, Any]], end_s: float) -> list[dict[str, Any]]:
    bands = []
    for fault in faults:
        begun, healed = fault["effective_at_s"], fault["healed_at_s"]
        if begun is not None and begun < end_s:
            until = end_s if healed is None else min(healed, end_s)
            bands.append(
                {
                    "x": round(LEFT + WIDTH * max(0.0, begun) / end_s, 1),
                    "width": round(max(1.0, WIDTH * (until - max(0.0, begun)) / end_s), 1),
                    "id": fault["id"],
                }
            )
    return bands
