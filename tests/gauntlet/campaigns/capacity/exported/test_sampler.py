"""Samples of what a system exports, while a run lasts."""

import itertools
import sys
import time

from gauntlet.campaigns.capacity.exported import sampler
from gauntlet.campaigns.capacity.exported.metrics_file import Metrics, Series
from gauntlet.campaigns.capacity.exported.sampler import Reading, Sampler, rows, values
from gauntlet.core.run_directory import RunDir, read_jsonl

CPU, MEMORY = ("server", "cpu_s"), ("server", "memory_bytes")
SERIES = [
    Series("server", "cpu_s", "cpu_seconds_total", tier="websocket"),
    Series("server", "memory_bytes", "memory_mb", scale=2**20),
    Series("server", "cpu_s", "absent_total"),
]


def metrics(**changes):
    return Metrics(version=1, series=SERIES, **{"prometheus": "http://127.0.0.1:1/", **changes})


def test_series_are_summed_by_component_and_resource_and_scaled():
    found = values(
        metrics(), 'cpu_seconds_total{core="0"} 2\ncpu_seconds_total{core="1"} 3\nmemory_mb 4'
    )
    assert found == {CPU: 5, MEMORY: 4 * 2**20}


def test_counters_become_rates_and_gauges_stay():
    found = rows(
        [Reading(0, {CPU: 10.0, MEMORY: 7.0}), Reading(2_000_000_000, {CPU: 11.0, MEMORY: 8.0})]
    )
    assert found == [
        {
            "t_ns": 2_000_000_000,
            "kind": "metrics",
            "component_cores": {"server": 0.5},
            "component_rss_bytes": {"server": 8.0},
        }
    ]


def test_a_counter_that_began_again_has_no_rate():
    found = rows(
        [Reading(0, {CPU: 10.0}), Reading(10**9, {CPU: 1.0}), Reading(2 * 10**9, {CPU: 2.0})]
    )
    assert [row.get("component_cores") for row in found] == [None, {"server": 1.0}]


def test_samples_stand_beside_the_timeline_of_the_run(tmp_path):
    run = RunDir.make(tmp_path / "run")
    counter = itertools.count()

    def fetch(_metrics):
        if next(counter) == 1:
            raise OSError("the page was not there once")
        return f"cpu_seconds_total {next(counter)}"

    sampling = Sampler(metrics(every="500ms"), fetch)
    assert sampling.tiers == {"server": "websocket"}
    sampling.start()
    deadline = time.monotonic() + 10
    while len(sampling._readings) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    sampling.stop(run)
    found = list(read_jsonl(run.events / sampler.FILE))
    assert len(found) >= 2
    assert all(row["component_cores"]["server"] > 0 for row in found)


def test_a_command_prints_the_page():
    code = "print('cpu_seconds_total 4')"
    found = metrics(prometheus=None, command=[sys.executable, "-c", code])
    assert values(found, sampler.page(found)) == {CPU: 4}


def test_nothing_is_written_without_a_run(tmp_path):
    sampling = Sampler(metrics(every="500ms"), lambda _metrics: "")
    sampling.start()
    sampling.stop(None)
    assert list(tmp_path.iterdir()) == []
