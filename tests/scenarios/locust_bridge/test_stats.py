"""Locust's statistics, as they are made of the engine's seconds."""

import subprocess
import sys
import textwrap

import msgspec
import pytest

PREAMBLE = """
import json
import numpy as np
from locust.env import Environment
from locust.stats import StatsCSV
from scenarios.engine import Second
from scenarios.histogram import Histogram
from scenarios.locust_bridge.stats import Report, Statistics
from scenarios.board import COUNTS, GAUGES

ROW = {"t_ns": 10**9, "worker": 0, "phase": "steady", **dict.fromkeys((*GAUGES, *COUNTS), 0)}
def second(response_us, rejected=0, unknown=0, worker=0):
    samples = {"response": np.array(sorted(response_us), np.int64) * 1000}
    return Second(samples, rejected, unknown, ROW | {"worker": worker})
environment = Environment()
"""


def told(script):
    """What a script prints, as JSON; Locust patches the process that imports it."""
    text = PREAMBLE + textwrap.dedent(script)
    shown = subprocess.run(
        [sys.executable, "-P", "-c", text], capture_output=True, text=True, timeout=60, check=False
    )
    assert shown.returncode == 0, shown.stderr
    return msgspec.json.decode(shown.stdout)


def test_locusts_own_table_keeps_three_figures():
    """Percentiles are not rounded to two digits, nor to whole milliseconds; failures have none."""
    found = told("""
        environment.create_local_runner()
        statistics = Statistics(environment)
        statistics.take(second([412] * 60 + [123_456] * 40))
        statistics.take(second([700], rejected=2, unknown=1))
        entry = environment.stats.get("message", "SEND")
        print(json.dumps({
            "entry": entry.to_dict(),
            "total": environment.stats.total.num_requests,
            "median": environment.stats.total.median_response_time,
            "p99": entry.get_response_time_percentile(0.99),
            "errors": [error.to_dict() for error in environment.stats.errors.values()],
        }))
    """)
    assert found["median"] == 0.412
    assert found["p99"] == pytest.approx(123.456, rel=0.001)
    assert (found["entry"]["num_requests"], found["total"]) == (104, 104)
    assert found["entry"]["num_failures"] == 3
    assert found["entry"]["avg_response_time"] == pytest.approx(
        (60 * 0.412 + 40 * 123.456 + 0.7) / 101
    )
    assert {(error["error"], error["occurrences"]) for error in found["errors"]} == {
        ("rejected", 2), ("unknown", 1),
    }  # fmt: skip


def test_workers_histograms_are_merged_exactly():
    """Two workers' seconds, shipped through Locust's own serialisation, are one worker's."""
    found = told("""
        from locust.rpc import Message
        environment.create_local_runner()
        one, two = [311, 5_000, 77_777], [12, 5_001]
        statistics = Statistics(environment)
        for worker, values in ((0, one), (1, two)):
            packed = Report.of(second(values, worker=worker)).pack()
            wire = Message("gauntlet-second", packed, f"w{worker}").serialize()
            statistics._on_second(environment, Message.unserialize(wire))
        whole = Histogram()
        whole.record(np.array(one + two, np.int64) * 1000)
        print(json.dumps({
            "same": statistics.board.run["response"].encode() == whole.encode(),
            "requests": environment.stats.total.num_requests,
            "least": environment.stats.total.min_response_time,
            "shipped": len(packed["lanes"]["response"][0]),
        }))
    """)
    assert found["same"]
    assert (found["requests"], found["least"]) == (5, 0.012)
    assert found["shipped"] < 500
