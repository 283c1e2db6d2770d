"""Which trials are open, and which records count."""

import pytest

from gauntlet.campaigns.scorecard.trials import Part, Records, open_trials

from .example import record, subject


def seeds(trials):
    return [trial.seed for trial in trials]


def test_all_seeds_of_a_subject_without_records_are_open():
    assert seeds(open_trials([subject()], Records([]))) == [1, 2, 3]


def test_one_seed_of_every_subject_comes_before_the_second_seed_of_any():
    trials = open_trials([subject(name="a"), subject(name="b")], Records([]), seeds=2)
    assert [trial.name for trial in trials] == ["bugs/a/1", "bugs/b/1", "bugs/a/2", "bugs/b/2"]


def test_a_trial_with_a_verdict_is_not_repeated():
    assert seeds(open_trials([subject()], Records([record(seed=2)]))) == [1, 3]


def test_a_trial_that_ended_in_a_harness_error_is_repeated():
    assert seeds(open_trials([subject()], Records([record(seed=2, verdict="error")]))) == [1, 2, 3]


def test_a_bug_that_was_missed_once_gets_further_seeds():
    missed = Records([record(seed=1), record(seed=2, verdict="pass", first="")])
    assert seeds(open_trials([subject()], missed)) == [3, 4, 5]


def test_records_of_another_fingerprint_are_stale():
    known = Records([record(seed=seed, fingerprint="of-yesterday") for seed in (1, 2, 3)])
    assert seeds(open_trials([subject()], known)) == [1, 2, 3]


def test_records_before_a_changed_fingerprint_are_not_shown():
    known = Records([record(seed=1, fingerprint="old"), record(seed=2, fingerprint="new")])
    assert [each.seed for each in known.of("bugs/drops")] == [2]


def test_the_last_record_of_a_trial_counts():
    known = Records([record(verdict="error"), record()])
    assert [each.verdict for each in known.of("bugs/drops")] == ["fail"]


@pytest.mark.parametrize(
    ("part", "verdict", "bad"),
    [
        (Part.BUGS, "fail", False),
        (Part.BUGS, "pass", True),
        (Part.BUGS, "warn", True),
        (Part.BUGS, "inconclusive", True),
        (Part.BUGS, "error", False),
        (Part.ANOMALIES, "pass", True),
        (Part.CLEAN, "pass", False),
        (Part.CLEAN, "fail", True),
        (Part.CLEAN, "inconclusive", False),
        (Part.CORRECT, "inconclusive", True),
        (Part.CORRECT, "warn", False),
    ],
)
def test_a_miss_and_a_false_alarm_are_findings_about_the_judge(part, verdict, bad):
    assert record(part, verdict=verdict).bad is bad


def test_an_inconclusive_run_on_a_busy_machine_is_no_miss_and_is_repeated():
    busy = record(verdict="inconclusive", load=1.1)
    assert (busy.doubtful, busy.counts, busy.bad) == (True, False, False)
    assert record(verdict="fail", load=1.1).counts
    assert seeds(open_trials([subject()], Records([busy]), seeds=1)) == [1]
    quiet = record(verdict="inconclusive", load=1.0)
    assert seeds(open_trials([subject()], Records([quiet]), seeds=1)) == []


def test_a_red_with_another_first_reason_is_detected_but_not_named():
    other = record(first="undelivered")
    assert (other.detected, other.named) == (True, False)


def test_a_green_run_in_which_the_bug_did_not_act_is_no_miss():
    assert record(verdict="pass", acted=True).bad
    assert not record(verdict="pass", acted=False).bad
