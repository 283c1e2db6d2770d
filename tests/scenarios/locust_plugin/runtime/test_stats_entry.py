"""Entries of Locust's table whose percentiles are cheap to read."""

import pytest

from ..child_script import run_script

pytestmark = pytest.mark.integration  # starts processes that import Locust


def test_percentiles_are_those_of_locust():
    """Also after more requests, requests without a time, and a reset."""
    result = run_script("""
        import random
        from locust.stats import PERCENTILES_TO_REPORT, StatsEntry
        from gauntlet.scenarios.locust_plugin.runtime.stats_entry import SecondsEntry
        rng, stats = random.Random(1), environment.stats
        ours, locusts = both = SecondsEntry(stats, "a", "b"), StatsEntry(stats, "a", "b")
        rows = []
        def compare():
            for percent in (*PERCENTILES_TO_REPORT, 0.001):
                rows.append([entry.get_response_time_percentile(percent) for entry in both])
            rows.append([entry.median_response_time for entry in both])
        compare()
        for count in (1, 2, 500):
            for _ in range(count):
                time_ms = rng.choice([None, rng.lognormvariate(3, 2)])
                for entry in both:
                    entry.log(time_ms, 0)
            compare()
        for entry in both:
            entry.reset()
            entry.log(7, 0)
        compare()
        print(json.dumps(rows))
    """)
    assert [ours for ours, _ in result] == [locusts for _, locusts in result]
    assert len({ours for ours, _ in result}) > 10


def test_what_locust_has_counted_before_is_kept():
    """A user of another class may have made requests of the same name."""
    result = run_script("""
        stats = environment.stats
        stats.log_request("SEND", "message", 50, 0)
        stats.log_request("GET", "/", 2_000, 0)
        Statistics(environment).add(report([412] * 98))
        entry = stats.get("message", "SEND")
        print(json.dumps([
            entry.num_requests, entry.median_response_time, entry.max_response_time,
            stats.total.num_requests, stats.total.max_response_time, len(stats.entries),
        ]))
    """)
    assert result == [99, 0.412, 50, 100, 2_000, 2]
