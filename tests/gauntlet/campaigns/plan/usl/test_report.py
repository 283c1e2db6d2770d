"""What a fit says, and when it refuses to say more."""

import math

import msgspec
import numpy as np
import pytest

from gauntlet.campaigns.plan.usl import page
from gauntlet.campaigns.plan.usl.fit import Fit
from gauntlet.campaigns.plan.usl.report import refusal, report

LEVELS = np.array([1.0, 2, 4, 8, 16, 32, 48, 64])
TRUTH = Fit(1_000.0, 0.05, 0.0005, 0.0)


def reported(levels=LEVELS, noise=0.01, truth=TRUTH):
    errors = np.exp(noise * np.random.default_rng(1).standard_normal(len(levels)))
    return report(levels, truth.throughput(levels) * errors)


def test_a_knee_that_was_seen_gives_the_peak_with_its_interval():
    found = reported()
    assert found.refused == ""
    assert found.peak.low < TRUTH.peak < found.peak.high
    assert found.answer.startswith("The throughput is highest at n = 4")
    assert "measured up to n = 64" in found.answer


def test_what_is_beyond_the_data_is_marked_and_is_there_only_after_a_knee():
    seen, unseen = reported(), reported(np.array([1.0, 2, 3, 4, 5, 6]), 0.03)
    assert any(point.extrapolated for point in seen.curve)
    assert all(point.extrapolated == (point.n > 64) for point in seen.curve)
    assert unseen.refused
    assert not any(point.extrapolated for point in unseen.curve)
    assert max(point.n for point in unseen.curve) == 6


def test_a_refusal_says_why_and_what_to_do():
    found = reported(np.array([1.0, 2, 3, 4, 5, 6]), 0.03)
    assert found.answer.startswith("Nothing beyond n = 6 can be said: the knee was not seen")
    assert "Measure larger n" in found.refused
    assert found.peak.high == "inf"


@pytest.mark.parametrize(
    ("best", "high", "levels", "why"),
    [
        (TRUTH, 50.0, 8, ""),
        (TRUTH, 120.0, 8, ""),
        (TRUTH, 130.0, 8, "as far away as n = 130"),
        (TRUTH, math.inf, 8, "never falls"),
        (TRUTH, 50.0, 5, "5 different n"),
        (TRUTH._replace(error=0.3), 50.0, 8, "off by 30 %"),
    ],
)
def test_each_reason_to_refuse(best, high, levels, why):
    found = refusal(best, high, 60.0, levels)
    assert why in found
    assert bool(found) == bool(why)


@pytest.mark.parametrize(
    "throughput",
    [1_000 / LEVELS, 1_000 / LEVELS**1.1, 1_000 * LEVELS / (1 + 5 * LEVELS * (LEVELS - 1))],
)
def test_a_throughput_that_falls_from_the_beginning_is_highest_at_one(throughput):
    found = report(LEVELS, throughput)
    assert found.peak.value == 1
    assert found.answer.startswith("The throughput is highest at n = 1 (1–1) with ")


def test_every_interval_contains_its_value():
    for found in (reported(), reported(truth=TRUTH._replace(beta=0.0)), reported(noise=0.1)):
        for parameter in (found.gamma, found.alpha, found.beta, found.peak):
            assert parameter.low <= float(parameter.value) <= float(parameter.high)
        for point in (*found.points, *found.curve):
            assert point.low <= point.fitted <= point.high


def test_a_report_can_be_written_and_read_again():
    found = reported()
    again = msgspec.json.decode(msgspec.json.encode(found), type=type(found))
    assert again == found


def test_the_page_shows_the_data_and_dashes_what_is_extrapolated():
    text = page.document(reported())
    assert text.count('class="dot"') == len(LEVELS)
    assert "far-line" in text.split("</style>")[1]
    refused = page.document(reported(np.array([1.0, 2, 3, 4, 5, 6]), 0.03))
    assert "far-line" not in refused.split("</style>")[1]
    assert "<script" not in text
