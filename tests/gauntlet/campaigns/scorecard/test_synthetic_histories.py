"""Synthetic histories: what is broken fails with its name, and what is unusual passes."""

import pytest

from gauntlet.campaigns.scorecard import synthetic_histories
from gauntlet.campaigns.scorecard.trials import Part, Trial
from gauntlet.campaigns.synthetic.correct import CORRECT
from gauntlet.campaigns.synthetic.mutators import MUTATORS


def test_every_mutator_is_a_subject_whose_check_is_expected():
    found = {subject.name: subject.expected for subject in synthetic_histories.anomalies()}
    assert found == {mutate.__name__: (check,) for mutate, check in MUTATORS.items()}


def test_an_anomaly_is_recorded_with_its_name_and_time():
    (subject,) = (each for each in synthetic_histories.anomalies() if each.name == "present_twice")
    record = synthetic_histories.try_out(Trial(subject, 2), "abc")
    assert (record.verdict, record.first, record.seed) == ("fail", "duplicate", 2)
    assert record.named
    assert 0 < record.detected_s < 40
    assert record.sentence.startswith("duplicate: ")


@pytest.mark.parametrize("subject", synthetic_histories.correct(), ids=lambda subject: subject.name)
def test_an_unusual_but_correct_history_raises_no_alarm(subject):
    record = synthetic_histories.try_out(Trial(subject, 1), "abc")
    assert record.verdict == "pass", record.sentence


def test_every_unusual_history_differs_from_the_usual_one():
    assert len({subject.fingerprint for subject in synthetic_histories.correct()}) == len(CORRECT)


def test_the_fingerprint_is_that_of_the_history():
    subject = synthetic_histories.correct()[0]
    again = synthetic_histories._digest(synthetic_histories.story_of(Part.CORRECT, subject.name, 1))
    other = synthetic_histories._digest(synthetic_histories.story_of(Part.CORRECT, subject.name, 2))
    assert subject.fingerprint == again != other
