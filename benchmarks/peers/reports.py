"""Reads the latencies that peers report, from the files that they write."""

import csv
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class ReportedLatency(NamedTuple):
    """Percentiles of latency in milliseconds, and the number of samples behind them."""

    p99_ms: float
    p999_ms: float
    samples: int


Reader = Callable[[Path], ReportedLatency]


def locust(folder: Path) -> ReportedLatency:
    """Read the aggregate of Locust's `--csv` files."""
    return _read_locust_row(folder, "Name", "Aggregated")


def locust_calls(folder: Path) -> ReportedLatency:
    """Read the row of Socket.IO calls; half of the aggregate are events with 0 ms."""
    return _read_locust_row(folder, "Type", "WSC")


def tsung(folder: Path) -> ReportedLatency:
    """Compute percentiles from Tsung's samples, which only its backend `fullstats` keeps."""
    (file,) = folder.glob("*/tsung-fullstats.log")
    dumps = re.findall(r"\{sample,request,\s*\[?([^]}]+)", file.read_text())
    samples = sorted(float(sample) for dump in dumps for sample in dump.split(","))
    p99_ms, p999_ms = (samples[math.ceil(share * len(samples)) - 1] for share in (0.99, 0.999))
    return ReportedLatency(p99_ms, p999_ms, len(samples))


def k6(folder: Path) -> ReportedLatency:
    """Read k6's `--summary-export`; the script `k6.js` defines the trend and the counter."""
    metrics = json.loads((folder / "k6.json").read_text())["metrics"]
    trend = metrics["echo_ms"]
    return ReportedLatency(trend["p(99)"], trend["p(99.9)"], metrics["echoes"]["count"])


def _read_locust_row(folder: Path, column: str, value: str) -> ReportedLatency:
    with (folder / "locust_stats.csv").open(newline="") as file:
        (row,) = [row for row in csv.DictReader(file) if row[column] == value]
    return ReportedLatency(float(row["99%"]), float(row["99.9%"]), int(row["Request Count"]))
