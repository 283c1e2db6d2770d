"""A long series becomes short, and keeps its extremes."""

import pytest

from gauntlet.reports.render.charts import thinning

SECONDS = 28_800


def test_a_short_series_is_left_as_it_is():
    series = {"second": [0, 1], "acked": [3, 4]}
    assert thinning.step_of(2) == 1
    assert thinning.thin(series, 1) is series


@pytest.mark.parametrize("seconds", [1001, 28_800, 28_801])
def test_a_long_series_has_few_rows_which_all_columns_share(seconds):
    step = thinning.step_of(seconds)
    column = list(range(seconds))
    found = thinning.thin({"second": column, "acked": column, "ack_p99_ms": column}, step)
    assert len({len(each) for each in found.values()}) == 1
    assert len(found["second"]) <= thinning.ROWS_MAX
    assert found["second"][1] == step


def test_one_slow_second_and_one_second_without_answers_remain_visible():
    acked, worst = [100] * SECONDS, [5.0] * SECONDS
    acked[12_345], worst[20_000] = 0, 4000.0
    series = {
        "second": list(range(SECONDS)), "acked": acked, "delivery_p99_ms": worst,
        "delivery_p50_ms": worst, "delivery_max_ms": worst,
    }  # fmt: skip
    found = thinning.thin(series, thinning.step_of(SECONDS))
    assert min(found["acked_least"]) == 0
    assert max(found["acked_most"]) == 100
    assert max(found["delivery_p99_ms"]) == max(found["delivery_max_ms"]) == 4000.0
    assert max(found["delivery_p50_ms"]) == 5.0


def test_seconds_without_a_value_are_left_out_and_what_never_arrived_is_kept():
    series = {
        "second": [0, 1, 2, 3, 4, 5],
        "ack_p99_ms": [None, 2.0, None, None, 3.0, "inf"],
        "sent": [1, 2, 0, 0, 5, 5],
    }
    found = thinning.thin(series, 2)
    assert found["ack_p99_ms"] == [2.0, None, "inf"]
    assert found["sent"] == [1.5, 0, 5]
