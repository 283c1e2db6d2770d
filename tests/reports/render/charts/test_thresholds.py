"""The limits of objectives are drawn where they hold."""

import pytest

from gauntlet.reports.render.charts import thresholds


def result(indicator, window, **changes):
    objective = {
        "id": "x", "indicator": indicator, "window": window, "op": "<", "target": 500.0,
        "verdict": "valid", **changes,
    }  # fmt: skip
    return {
        "series": {"second": list(range(20))},
        "objectives": [objective],
        "windows": [
            {"name": "steady", "from_s": 2.0, "to_s": 19.0, "without": [[5.0, 7.0], [8.0, None]]},
            {"name": "fault:cut", "from_s": 5.0, "to_s": None, "without": []},
            {"name": "fault:missed", "from_s": None, "to_s": None, "without": []},
        ],
    }


@pytest.mark.parametrize(
    ("indicator", "panel", "text"),
    [
        ("ack_p99_ms", "ack", "p99 < 500 ms"),
        ("delivery_max_ms", "delivery", "slowest < 500 ms"),
        ("delivery_p999_ms", "delivery", "p99.9 < 500 ms"),
        ("acked_per_s", "rates", "acknowledged < 500 per second"),
        ("recovery_ms", "recovery", "objective < 500 ms"),
    ],
)
def test_a_limit_belongs_to_the_panel_of_its_indicator(indicator, panel, text):
    (found,) = thresholds.find(result(indicator, "steady"))
    assert (found.panel, found.text, found.violated) == (panel, text, False)
    assert found.spans == ((2.0, 5.0), (7.0, 8.0))


def test_an_open_window_ends_with_the_series_and_a_window_that_never_began_has_no_span():
    (found,) = thresholds.find(result("ack_p99_ms", "fault:cut", verdict="invalid"))
    assert found.spans == ((5.0, 20.0),)
    assert found.violated
    (found,) = thresholds.find(result("ack_p99_ms", "fault:missed"))
    assert found.spans == ()


@pytest.mark.parametrize("indicator", ["lag_p99_ms", "live_missed_ratio", "lost_connections_count"])
def test_other_indicators_have_no_panel(indicator):
    assert thresholds.find(result(indicator, "steady")) == []


def test_an_endless_limit_is_not_drawn():
    assert thresholds.find(result("ack_p99_ms", "steady", target="inf")) == []
