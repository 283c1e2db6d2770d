"""The cost of recording an event: a history record and a histogram sample."""

import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.load.options import Options
from benchmarks.table import Row
from gauntlet.core.history import Kind
from gauntlet.scenarios.metrics.latency import Latencies
from gauntlet.scenarios.recording.history_writer import HistoryWriter

EVENTS_PER_S = 10_000  # divided over the engine's flushes of each second
FLUSHES_PER_S = 4
TARGET_US = 1.0


def rows(options: Options) -> list[Row]:
    """Return one row: the median of several loops."""
    seconds = max(2, round(5 * options.seconds))
    costs = sorted(_event_us(seconds) for _ in range(options.repeats))
    cost_us = statistics.median(costs)
    return [
        Row(
            "record",
            "history record and histogram sample per event, files and counting included",
            f"{cost_us:.2f} µs ({costs[0]:.2f} to {costs[-1]:.2f})",
            f"≤ {TARGET_US:.0f} µs",
            met=cost_us <= TARGET_US,
        )
    ]


def _event_us(seconds: int) -> float:
    """Return the CPU time per event, user and system, in microseconds."""
    with tempfile.TemporaryDirectory(prefix="gauntlet-benchmark-") as folder:
        recorder, latencies = HistoryWriter(Path(folder), 0), Latencies()
        record, add = latencies.record["delivery"], recorder.add
        began_s = time.process_time()
        for _ in range(seconds):
            for quarter in range(FLUSHES_PER_S):
                for at in range(EVENTS_PER_S // FLUSHES_PER_S):
                    t_ns = 1_000_000_000 * (quarter + 1) + at
                    add(Kind.DELIVER, t_ns, 1_000_000_000, at, 7, 3, at, at, 0, 0)
                    record(1_000 * at)
                recorder.flush()
            latencies.take_second()
        spent_s = time.process_time() - began_s
        recorder.close()
    return 1e6 * spent_s / (seconds * EVENTS_PER_S)
