"""The interval against published values, and at its ends."""

import pytest

from gauntlet.campaigns.scorecard.wilson import interval


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_that_of_the_literature(hits, trials, low, high):
    assert interval(hits, trials) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_of_all_is_that_of_none_mirrored():
    low, high = interval(0, 12)
    assert interval(12, 12) == pytest.approx((1 - high, 1 - low))


def test_no_trial_says_nothing():
    assert interval(0, 0) == (0.0, 1.0)


def test_more_hits_than_trials_are_refused():
    with pytest.raises(ValueError, match="hits must be between 0 and 2; got 3"):
        interval(3, 2)
