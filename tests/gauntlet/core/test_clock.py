"""Parsing and displaying durations and rates."""

import pytest

from gauntlet.core import clock


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15s", 15), ("300ms", 0.3), ("1m30s", 90), ("2h", 7200), (4, 4), (0.5, 0.5), ("0s", 0)],
)
def test_durations_are_parsed_in_every_unit(text, seconds):
    assert clock.parse_duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["15", "s", "5x", "1 s", "", "-3s", -1, float("nan"), True])
def test_other_texts_are_not_durations(text):
    """A bare number in a text has no unit, and is not guessed."""
    with pytest.raises(ValueError, match="must be a duration"):
        clock.parse_duration_s(text)


@pytest.mark.parametrize(("text", "rate"), [("300/s", 300), ("90/m", 1.5), (10, 10)])
def test_rates_are_converted_to_events_per_second(text, rate):
    assert clock.parse_rate_per_s(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["0/s", "300", "-1/s", "x/s", 0])
def test_zero_and_other_texts_are_not_rates(text):
    """A run with a rate of zero would prove nothing."""
    with pytest.raises(ValueError, match="must be a rate"):
        clock.parse_rate_per_s(text)


@pytest.mark.parametrize("text", ["721h", "9" * 400 + "s", 1e18])
def test_a_duration_beyond_reason_is_refused(text):
    """A run of years is a mistake in a unit."""
    with pytest.raises(ValueError, match=r"^must be (at most 720h|a duration of zero)"):
        clock.parse_duration_s(text)
    assert clock.parse_duration_s("720h") == 30 * 86_400


@pytest.mark.parametrize("text", ["10000001/s", "1" + "0" * 30 + "/m", 1e18])
def test_a_rate_beyond_reason_is_refused(text):
    with pytest.raises(ValueError, match=r"^must be at most 10000000/s; got"):
        clock.parse_rate_per_s(text)
    assert clock.parse_rate_per_s("10000000/s") == 1e7


def test_zero_is_a_rate_only_where_it_is_allowed():
    assert clock.parse_rate_per_s("0/s", zero=True) == 0
    with pytest.raises(ValueError, match="must be a rate"):
        clock.parse_rate_per_s(-1, zero=True)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "250 ms"), (8, "8 s"), (95, "1 min 35 s"), (3599.9, "60 min 0 s")],
)
def test_durations_are_displayed_in_a_suitable_unit(seconds, text):
    assert clock.format_s(seconds) == text


def test_the_offset_of_a_clock_is_displayed_with_direction_and_error():
    assert clock.format_lead(86_400_000.5, 0.04) == (
        "86,400,000.500 ms ahead of the master's, within 0.040 ms"
    )
    assert clock.format_lead(-2.5, 1) == "2.500 ms behind the master's, within 1.000 ms"
