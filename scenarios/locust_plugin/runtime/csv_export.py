"""Exact tables of a run so far; Locust's own CSV cuts percentiles to whole numbers. Pure."""

import csv
import io
from collections.abc import Iterable

from gauntlet.scenarios.locust_plugin.runtime.time_series import COUNTS, GAUGES, Board

SHARES = (0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0)


def latency_csv(board: Board) -> str:
    """A row for each latency: its samples, and percentiles of the whole run in milliseconds."""
    head = ["latency", "samples", *(f"{_percent(share)}_ms" for share in SHARES)]
    rows = (
        [name, histogram.total, *(_shown(histogram.percentile_ms(share)) for share in SHARES)]
        for name, histogram in board.run.items()
    )
    return _table(head, rows)


def seconds_csv(board: Board) -> str:
    """A row for each second; counts are cumulative, latencies that second's, in milliseconds."""
    lanes = [f"{lane}_{name}_ms" for lane in ("ack", "delivery") for name in ("p50", "p99", "p999")]
    rows = (
        [
            point["s"],
            *(point[name] for name in (*GAUGES, *COUNTS)),
            *(_shown(value) for value in (*point["ack"], *point["delivery"], point["lag"])),
        ]
        for point in board.since(0)
    )
    return _table(["second", *GAUGES, *COUNTS, *lanes, "lag_p99_ms"], rows)


def _percent(share: float) -> str:
    return f"p{100 * share:.6g}"


def _shown(value_ms: float | None) -> str:
    return "" if value_ms is None else f"{value_ms:.3f}"


def _table(head: list[str], rows: Iterable[list[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()
