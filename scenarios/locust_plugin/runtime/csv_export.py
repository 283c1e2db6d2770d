"""CSV tables of a run with exact latencies. Pure.

Locust's own CSV files truncate percentiles to whole milliseconds.
"""

import csv
import io
from collections.abc import Iterable

from gauntlet.scenarios.locust_plugin.runtime.time_series import COUNTS, GAUGES, TimeSeries

QUANTILES = (0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0)


def latency_csv(series: TimeSeries) -> str:
    """Return one row per latency: its samples and the percentiles of the run in milliseconds."""
    head = ["latency", "samples", *(f"p{100 * quantile:.6g}_ms" for quantile in QUANTILES)]
    rows = (
        [
            name,
            histogram.total,
            *(_format_ms(histogram.percentile_ms(quantile)) for quantile in QUANTILES),
        ]
        for name, histogram in series.run.items()
    )
    return _table(head, rows)


def seconds_csv(series: TimeSeries) -> str:
    """Return one row per second: cumulative counts, and that second's latencies in milliseconds."""
    columns = [f"{name}_{at}_ms" for name in ("ack", "delivery") for at in ("p50", "p99", "p999")]
    rows = (
        [
            point["s"],
            *(point[name] for name in (*GAUGES, *COUNTS)),
            *(_format_ms(value) for value in (*point["ack"], *point["delivery"], point["lag"])),
        ]
        for point in series.since(0)
    )
    return _table(["second", *GAUGES, *COUNTS, *columns, "lag_p99_ms"], rows)


def _format_ms(value_ms: float | None) -> str:
    return "" if value_ms is None else f"{value_ms:.3f}"


def _table(head: list[str], rows: Iterable[list[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()
