"""Estimates from the figures of runs."""

import math

import pytest

from gauntlet.campaigns.gate.comparing import decision, measurements
from gauntlet.campaigns.gate.comparing.decision import Question

from ..example import run

QUESTION = Question("steady", "delivery_p50_ms", "steady", 0.1)
NAME = "delivery_p50_ms@steady"
VERSIONS = ("reference", "candidate")


def pairs(*values):
    """Runs of pairs, from the values before and after."""
    return [
        run(version, number, values={} if value is None else {NAME: value})
        for number, pair in enumerate(values, 1)
        for version, value in zip(("reference", "candidate"), pair, strict=True)
    ]


def test_a_pair_counts_only_with_both_values():
    runs = pairs((10, 11), (10, None), (None, 12), (20, 22))
    assert measurements.worsenings(QUESTION, runs) == pytest.approx([math.log(1.1)] * 2)


def test_runs_of_another_scenario_do_not_count():
    runs = [*pairs((10, 11)), run("reference", 2, scenario="other"), run("candidate", 2)]
    assert len(measurements.worsenings(QUESTION, runs)) == 1


def sessions(*groups):
    return [{("steady", NAME): list(values)} for values in groups]


def test_with_one_session_every_run_is_a_measurement():
    runs = [run(values={NAME: 20.0}), run(number=2, values={NAME: 20.0})]
    found = measurements.against_baseline(QUESTION, runs, sessions((9, 10, 11, 10)))
    assert found.mean == pytest.approx(math.log(2), abs=0.01)
    assert (found.freedom, found.samples) == (4, 2)


def test_with_several_sessions_each_session_is_one_measurement():
    """Otherwise many runs of few days would hide how much days differ."""
    runs = [run(values={NAME: 15.0})] * 10
    days = sessions([10] * 20, [14] * 20, [18] * 20)
    found = measurements.against_baseline(QUESTION, runs, days)
    assert found.freedom == 2
    assert decision.decide({QUESTION: found}, 0.01, 1)[QUESTION].outcome == "undecided"


def test_the_share_of_usable_measurements_is_known():
    runs = pairs((10, 10), (10, 10), (10, 10), (10, None))
    assert measurements.against_reference(QUESTION, runs).usable == 0.75
    runs = [*runs, run(number=9, values={}, set_aside=True), run(scenario="other", number=10)]
    found = measurements.against_baseline(QUESTION, runs, sessions((9, 10, 11)))
    assert found.usable == 0.75


def test_no_measurement_gives_no_estimate():
    assert measurements.against_baseline(QUESTION, [run(values={})], sessions((9, 10, 11))) is None
    assert measurements.against_baseline(QUESTION, [run()], sessions()) is None
    assert measurements.against_reference(QUESTION, []) is None


def test_the_usual_reason_why_runs_cannot_be_used_is_told():
    runs = [*pairs((10, 11)), *(run(number=at, values={}, unusable="busy") for at in (2, 3))]
    assert measurements.why_unusable(QUESTION, runs) == "in 2 runs, busy"
    runs = [run(values={"other@steady": 1.0})]
    assert measurements.why_unusable(QUESTION, runs) == "in one run, there is no delivery_p50_ms"
    assert measurements.why_unusable(QUESTION, pairs((10, 11))) == ""


def decided(question, estimate):
    return decision.decide({question: estimate}, 0.01, 1)[question]


def test_what_stays_zero_did_not_get_worse():
    """A system without errors must pass a gate on its errors."""
    runs = pairs(*[(0, 0)] * 5)
    assert decided(QUESTION, measurements.against_reference(QUESTION, runs)).outcome == (
        "no-regression"
    )
    own = [each for each in runs if each.version == "candidate"]
    for days in (sessions([0] * 5), sessions([0, 0], [0], [0], [0])):
        estimate = measurements.against_baseline(QUESTION, own, days)
        assert decided(QUESTION, estimate).outcome == "no-regression"
    assert measurements.typical(QUESTION, runs, "candidate") == 0
    assert measurements.typical(QUESTION, own, "reference", sessions([0], [0], [0])) == 0


@pytest.mark.parametrize(
    ("question", "values"),
    [(QUESTION, (0.01, 0)), (QUESTION._replace(lower_is_better=False), (0, 9))],
)
def test_a_change_from_or_to_zero_for_the_better_counts_as_none(question, values):
    runs = pairs(*[values] * 5)
    estimate = measurements.against_reference(question, runs)
    assert (estimate.mean, estimate.samples) == (0, 5)
    own = [each for each in runs if each.version == "candidate"]
    assert measurements.against_baseline(question, own, sessions([values[0]] * 5)).mean == 0


@pytest.mark.parametrize(
    ("question", "values"),
    [(QUESTION, (0, 0.01)), (QUESTION._replace(lower_is_better=False), (9, 0))],
)
def test_a_change_from_or_to_zero_for_the_worse_is_unknown_and_says_why(question, values):
    runs = pairs(*[values] * 5)
    own, days = [each for each in runs if each.version == "candidate"], sessions([values[0]] * 5)
    assert measurements.against_reference(question, runs) is None
    assert measurements.against_baseline(question, own, days) is None
    for why in (
        measurements.why_unusable(question, runs),
        measurements.why_unusable(question, own, days),
    ):
        assert why == "in 5 runs, delivery_p50_ms is 0, and a change from or to 0 is no percentage"


def test_zeros_in_a_baseline_are_not_left_out():
    """Without its best runs, the baseline would hide that the new ones are worse."""
    runs = [run(values={NAME: 0.01})]
    assert measurements.against_baseline(QUESTION, runs, sessions([0.01, 0.01, 0.01, 0])) is None


def test_typical_values_are_those_of_the_pairs_that_decide():
    """Their ratio is the change, also where a run of a pair cannot be used."""
    runs = pairs((10, 11), (10, 11), (10, 11), (99, None))
    before, after = (measurements.typical(QUESTION, runs, each) for each in VERSIONS)
    assert after / before == pytest.approx(1.1)
    assert measurements.typical(QUESTION, pairs((10, None)), "reference") == pytest.approx(10)


def test_typical_values_of_a_baseline_are_those_of_its_sessions():
    days = sessions([10] * 20, [20], [40])
    runs = [run(values={NAME: 20.0}), run(number=2, values={NAME: 99.0}, set_aside=True)]
    before, after = (measurements.typical(QUESTION, runs, each, days) for each in VERSIONS)
    assert (before, after) == (pytest.approx(20), pytest.approx(20))


def test_typical_values_are_geometric_means():
    runs = pairs((10, 20), (40, 20))
    assert measurements.typical(QUESTION, runs, "reference") == pytest.approx(20)
    assert measurements.typical(QUESTION, [], "candidate") is None
    assert measurements.typical(QUESTION, [], "reference", sessions((4, 9))) == pytest.approx(6)


@pytest.mark.parametrize(
    ("values", "outcome", "words"),
    [
        ([(10, 12)] * 5, "regression", "is higher by 10 % or more: +20.0 %"),
        ([(10, 10)] * 5, "no-regression", "did not get 10 % higher: +0.0 %"),
        ([(10, 18), (10, 8)] * 3, "undecided", "too noisy to tell"),
        ([(10, 10)] * 3 + [(10, None)], "unknown", "less than 10 % higher: only 75 % of the"),
        ([(10, 12)] * 2, "unknown", "fewer than 3 usable measurements"),
    ],
)
def test_the_sentence_tells_the_outcome_in_words(values, outcome, words):
    runs = pairs(*values)
    estimate = measurements.against_reference(QUESTION, runs)
    answer = decision.decide({QUESTION: estimate}, 0.01, 1)[QUESTION]
    found = measurements.comparison(answer, 10.0, 12.0)
    assert found.outcome == outcome
    assert words in found.sentence


def test_a_rate_that_falls_is_lower_and_one_measurement_is_singular():
    question = QUESTION._replace(indicator="acked_per_s", lower_is_better=False)
    answer = decision.Answer(question, "regression", 1, 0.8, 0.7, 0.85)
    sentence = measurements.comparison(answer, 10.0, 8.0).sentence
    assert "is lower by 10 % or more: -20.0 %" in sentence
    assert sentence.endswith("1 measurement).")
