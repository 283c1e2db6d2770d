"""What peers say of a run's latencies, read from the files they write."""

import csv
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Claimed(NamedTuple):
    """Percentiles of latency, and how many samples they are of."""

    p99_ms: float
    p999_ms: float
    samples: int


Reader = Callable[[Path], Claimed]


def locust(folder: Path) -> Claimed:
    """From its `--csv` files."""
    return _of_locust(folder, "Name", "Aggregated")


def locust_calls(folder: Path) -> Claimed:
    """The same of the calls of Socket.IO alone: the aggregate is half of events with 0 ms."""
    return _of_locust(folder, "Type", "WSC")


def tsung(folder: Path) -> Claimed:
    """From the samples it keeps with the backend `fullstats`; no other has percentiles."""
    (file,) = folder.glob("*/tsung-fullstats.log")
    dumps = re.findall(r"\{sample,request,\s*\[?([^]}]+)", file.read_text())
    samples = sorted(float(sample) for dump in dumps for sample in dump.split(","))
    p99_ms, p999_ms = (samples[math.ceil(share * len(samples)) - 1] for share in (0.99, 0.999))
    return Claimed(p99_ms, p999_ms, len(samples))


def k6(folder: Path) -> Claimed:
    """From its `--summary-export`; the trend and the counter are our script's."""
    metrics = json.loads((folder / "k6.json").read_text())["metrics"]
    trend = metrics["echo_ms"]
    return Claimed(trend["p(99)"], trend["p(99.9)"], metrics["echoes"]["count"])


def _of_locust(folder: Path, column: str, value: str) -> Claimed:
    with (folder / "locust_stats.csv").open(newline="") as file:
        (row,) = [row for row in csv.DictReader(file) if row[column] == value]
    return Claimed(float(row["99%"]), float(row["99.9%"]), int(row["Request Count"]))
