"""Calibrations from made-up pairs of equal versions."""

import math

import numpy as np
import pytest

from gauntlet.campaigns.gate.comparing import calibration, decision
from gauntlet.campaigns.gate.comparing.calibration import Procedure
from gauntlet.campaigns.gate.comparing.decision import Question

LIMIT = math.log1p(0.1)
PROCEDURE = Procedure(pairs=5, looks=3, alpha=0.01, questions=3)


def pairs(noise, count=40, seed=3):
    return list(np.random.default_rng(seed).normal(0, noise, count))


def test_a_quiet_machine_finds_small_changes_and_a_noisy_one_does_not():
    quiet = calibration.calibrate(pairs(0.02), LIMIT, PROCEDURE)
    noisy = calibration.calibrate(pairs(0.3), LIMIT, PROCEDURE)
    assert quiet.smallest <= 0.15
    assert noisy.smallest is None or noisy.smallest >= 0.5
    assert quiet.decided > 0.95
    assert noisy.decided < 0.5


def test_equal_versions_are_red_in_at_most_one_percent():
    for noise in (0.01, 0.1, 1.0):
        assert calibration.calibrate(pairs(noise), LIMIT, PROCEDURE).false_red <= 0.01


def test_the_noise_is_that_of_the_pairs():
    found = calibration.calibrate(pairs(0.1, 400), LIMIT, PROCEDURE)
    assert found.noise == pytest.approx(0.105, abs=0.01)


def test_a_calibration_is_repeatable_and_needs_three_pairs():
    first, second = (calibration.calibrate(pairs(0.1), LIMIT, PROCEDURE) for _ in range(2))
    assert first == second
    with pytest.raises(ValueError, match="at least 3"):
        calibration.calibrate([0.1, 0.2], LIMIT, PROCEDURE)


def test_simulated_gates_decide_as_real_ones():
    """With one question, where the corrections of Holm and of Bonferroni are the same."""
    procedure = Procedure(pairs=5, looks=2, alpha=0.01, questions=1)
    values = np.random.default_rng(11).normal(0.12, 0.06, (200, 10))
    question = Question("s", "delivery_p50_ms", "steady", 0.1)
    signs = {"regression": 1, "no-regression": -1, "undecided": 0}
    for row, found in zip(values, calibration.outcomes(values, LIMIT, procedure), strict=True):
        for look in (1, 2):
            estimate = decision.paired(list(row[: 5 * look]))
            answer = decision.decide({question: estimate}, 0.01, 2)[question].outcome
            if answer != "undecided":
                break
        assert signs[answer] == found


def test_few_pairs_do_not_look_quieter_than_they_are():
    """What is drawn from has the variance that the pairs are an estimate of."""
    values = np.array([0.1, 0.3, 0.8])
    found = calibration.deviations(values)
    assert found.mean() == pytest.approx(0)
    assert found.var() == pytest.approx(values.var(ddof=1))


def test_more_questions_find_less():
    """Each of them must be more significant."""
    values = np.random.default_rng(2).normal(0.16, 0.1, (400, 15))
    one, many = (
        (calibration.outcomes(values, LIMIT, PROCEDURE._replace(questions=count)) > 0).mean()
        for count in (1, 20)
    )
    assert many < one - 0.1


def test_the_smallest_change_is_one_from_which_on_all_are_found():
    power = {0.1: 0.2, 0.2: 0.96, 0.3: 0.9, 0.4: 0.97, 0.5: 1.0}
    assert calibration._smallest(power) == 0.4
    assert calibration._smallest({0.1: 0.5}) is None
