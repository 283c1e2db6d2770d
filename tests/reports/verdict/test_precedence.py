"""The most specific violation is named first."""

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.mutators import MUTATORS, replace_a_stored_body
from gauntlet.core.scenario import catalog
from gauntlet.reports.checks.finding import Outcome, Verdict
from gauntlet.reports.verdict.precedence import NAMED_FIRST, rank
from gauntlet.reports.verdict.verdict import check_reasons


def test_the_order_lists_checks_and_each_of_them_once():
    assert set(NAMED_FIRST) <= set(catalog.CHECKS)
    assert len(set(NAMED_FIRST)) == len(NAMED_FIRST)


def test_a_check_that_is_not_listed_comes_last():
    assert rank("new-check") > max(rank(name) for name in NAMED_FIRST)


def test_a_corruption_is_named_before_the_delivery_that_it_spoiled():
    verdicts = [
        Verdict(name, Outcome.INVALID, f"{name} is violated.", 1, 1, ())
        for name in ("undelivered", "sender-fifo", "divergent-order", "phantom")
    ]
    named = [reason.sentence.partition(":")[0] for reason in check_reasons(verdicts, set())]
    assert named == ["phantom", "divergent-order", "sender-fifo", "undelivered"]


@pytest.mark.parametrize("seed", range(1, 3))
@pytest.mark.parametrize("mutate", MUTATORS, ids=lambda mutate: mutate.__name__)
def test_one_anomaly_is_named_first_in_many_histories(judged, mutate, seed):
    """Over more histories than the tests of the checks, and by the reasons that people read."""
    story = good_story(seed + 20)
    mutate(story)
    story.reconcile()
    reasons = judged(story)["verdict"]["reasons"]
    assert reasons[0].partition(":")[0] == MUTATORS[mutate]


def test_consequences_count_if_the_check_that_names_the_defect_is_not_required(judged):
    story = good_story(1)
    replace_a_stored_body(story)
    story.scenario["checks"] = {"required": ["lost-acked"]}
    story.reconcile()
    violated = [c["id"] for c in judged(story)["checks"] if c["verdict"] == "invalid"]
    assert violated == ["lost-acked", "phantom"]
