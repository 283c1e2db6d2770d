"""Decisions about changes, on made-up series of equal and of slower versions."""

import math

import numpy as np
import pytest

from gauntlet.campaigns.gate.comparing import decision
from gauntlet.campaigns.gate.comparing.decision import Question

SLOWER = Question("steady", "delivery_p50_ms", "steady", 0.1)
FEWER = Question("steady", "acked_per_s", "steady", 0.1, lower_is_better=False)
ALPHA, LOOKS, PAIRS = 0.01, 3, 5


def outcome(values, question=SLOWER, alpha=ALPHA, looks=LOOKS):
    found = decision.decide({question: decision.paired(values)}, alpha, looks)
    return found[question].outcome


def test_a_large_change_with_little_noise_is_a_regression():
    assert outcome([0.20, 0.21, 0.19, 0.20, 0.22]) == "regression"


def test_a_significant_change_that_is_too_small_is_no_regression():
    assert outcome([0.050, 0.051, 0.049, 0.050, 0.052]) == "no-regression"


def test_a_large_mean_with_much_noise_is_undecided():
    assert outcome([0.9, -0.5, 0.8, -0.4, 0.3]) == "undecided"


def test_no_change_with_much_noise_is_undecided_and_not_green():
    assert outcome([0.4, -0.4, 0.3, -0.3, 0.0]) == "undecided"


def test_fewer_than_three_pairs_decide_nothing():
    found = decision.decide({SLOWER: decision.paired([0.5, 0.5])}, ALPHA, LOOKS)[SLOWER]
    assert (found.outcome, found.samples, found.ratio) == ("unknown", 0, None)
    assert "fewer than 3" in found.reason


@pytest.mark.parametrize(("usable", "expected"), [(0.8, "no-regression"), (0.79, "unknown")])
def test_no_regression_needs_most_of_the_measurements(usable, expected):
    estimate = decision.paired([0.0] * 8)._replace(usable=usable)
    found = decision.decide({SLOWER: estimate}, ALPHA, LOOKS)[SLOWER]
    assert found.outcome == expected
    assert found.reason.startswith("only 79 % of") == (expected == "unknown")


def test_a_regression_may_rest_on_few_of_the_measurements():
    estimate = decision.paired([0.3] * 5)._replace(usable=0.5)
    assert decision.decide({SLOWER: estimate}, ALPHA, LOOKS)[SLOWER].outcome == "regression"


def test_values_that_agree_exactly_are_no_proof_of_infinite_strength():
    found = decision.decide({SLOWER: decision.paired([0.0] * 5)}, ALPHA, 1)[SLOWER]
    assert found.p == pytest.approx(0.5)
    assert found.low < 1 < found.high


def test_a_rate_gets_worse_by_falling():
    values = [decision.worsening(FEWER, 100, each) for each in (80, 79, 81, 80, 80.5)]
    found = decision.decide({FEWER: decision.paired(values)}, ALPHA, LOOKS)[FEWER]
    assert found.outcome == "regression"
    assert found.ratio == pytest.approx(0.80, abs=0.005)
    assert found.low < found.ratio < found.high


@pytest.mark.parametrize("value", [-1, math.nan, math.inf])
def test_a_change_from_or_to_a_number_that_has_no_ratio_is_refused(value):
    with pytest.raises(ValueError, match="no ratio"):
        decision.worsening(SLOWER, value, 1)
    with pytest.raises(ValueError, match="no ratio"):
        decision.worsening(SLOWER, 1, value)
    with pytest.raises(ValueError, match="no ratio"):
        decision.worsening(SLOWER, value, 0)


def test_a_change_from_or_to_zero_counts_as_none_unless_it_is_for_the_worse():
    for question, before, after in ((SLOWER, 1, 0), (SLOWER, 0, 0), (FEWER, 0, 1), (FEWER, 0, 0)):
        assert decision.worsening(question, before, after) == 0
    for question, before, after in ((SLOWER, 0, 1), (FEWER, 1, 0)):
        with pytest.raises(ValueError, match="no ratio"):
            decision.worsening(question, before, after)


def test_p_values_are_corrected_by_holm():
    questions = [Question("s", f"i{at}", "run", 0.1) for at in range(4)]
    corrected = decision.holm(dict(zip(questions, (0.04, 0.01, 0.03, 0.005), strict=True)))
    assert [round(corrected[each], 3) for each in questions] == [0.06, 0.03, 0.06, 0.02]


def test_a_change_that_is_significant_alone_may_not_be_among_many():
    values = [0.26, 0.16, 0.19, 0.25, 0.14]
    others = {
        Question("s", f"i{at}", "run", 0.1): decision.paired([0.1, -0.1, 0.05, -0.05, 0.0])
        for at in range(19)
    }
    assert outcome(values, looks=1) == "regression"
    found = decision.decide({SLOWER: decision.paired(values), **others}, ALPHA, 1)
    assert found[SLOWER].outcome == "undecided"


def test_a_baseline_with_few_runs_decides_less_than_one_with_many():
    generator = np.random.default_rng(5)
    before = list(generator.normal(0, 0.05, 40))
    after = [0.2, 0.14]
    many = decision.unpaired(before, after)
    few = decision.unpaired(before[:4], after)
    assert many.mean == pytest.approx(few.mean, abs=0.06)
    assert many.error < few.error
    assert many.freedom > few.freedom
    assert decision.unpaired(before[:2], after) is None
    assert decision.unpaired(before, []) is None


def gates(change, noise, count=1000, seed=7):
    """The outcomes of gates that look up to three times, as the campaign does.

    Pairs that follow each other resemble each other a little, and some are far off.
    """
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        values = noise * generator.standard_t(6, PAIRS * LOOKS)
        values[1:] += 0.15 * values[:-1]
        values += math.log1p(change)
        for look in range(1, LOOKS + 1):
            answer = outcome(list(values[: look * PAIRS]))
            if answer != "undecided":
                break
        found.append(answer)
    return found


def test_equal_versions_are_red_in_at_most_one_gate_of_a_hundred():
    for noise in (0.02, 0.2):
        found = gates(0, noise)
        assert found.count("regression") <= 10


def test_a_change_of_fifteen_percent_is_found_in_95_of_100_gates_if_noise_is_small():
    assert gates(0.15, 0.04).count("regression") >= 950


def test_a_change_of_fifteen_percent_is_almost_never_green():
    """Also with noise in which it cannot be found."""
    for noise in (0.02, 0.1, 0.3):
        assert gates(0.15, noise).count("no-regression") <= 50
