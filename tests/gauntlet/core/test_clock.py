"""Durations and rates as users write them."""

import pytest

from gauntlet.core import clock


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15s", 15), ("300ms", 0.3), ("1m30s", 90), ("2h", 7200), (4, 4), (0.5, 0.5), ("0s", 0)],
)
def test_durations_are_read_in_every_unit(text, seconds):
    """Each documented spelling of a duration means the seconds it says."""
    assert clock.parse_duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["15", "s", "5x", "1 s", "", "-3s", -1, float("nan"), True])
def test_what_is_no_duration_is_refused(text):
    """A text without a unit, a negative number or nonsense is an error, never a guess."""
    with pytest.raises(ValueError, match="must be a duration"):
        clock.parse_duration_s(text)


@pytest.mark.parametrize(("text", "rate"), [("300/s", 300), ("90/m", 1.5), (10, 10)])
def test_rates_are_read_per_second(text, rate):
    """Rates per minute and per second end as the same unit."""
    assert clock.parse_rate_per_s(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["0/s", "300", "-1/s", "x/s", 0])
def test_what_is_no_rate_is_refused(text):
    """A rate of zero would be a run that proves nothing."""
    with pytest.raises(ValueError, match="must be a rate"):
        clock.parse_rate_per_s(text)


def test_a_profile_may_be_at_rest():
    """Where a rate goes up and down, zero is one of its values; less than that is none."""
    assert clock.parse_rate_per_s("0/s", zero=True) == 0
    with pytest.raises(ValueError, match="must be a rate"):
        clock.parse_rate_per_s(-1, zero=True)


@pytest.mark.parametrize(("seconds", "text"), [(0.25, "250 ms"), (8, "8 s"), (95, "1 min 35 s")])
def test_durations_are_shown_in_a_fitting_unit(seconds, text):
    """Reports never show 0.25 s or 95 s."""
    assert clock.format_s(seconds) == text


def test_how_two_clocks_stand_to_each_other():
    """Which one is ahead, by how much, and how sure that is."""
    assert clock.format_lead(86_400_000.5, 0.04) == (
        "86,400,000.500 ms ahead of the master's, within 0.040 ms"
    )
    assert clock.format_lead(-2.5, 1) == "2.500 ms behind the master's, within 1.000 ms"
