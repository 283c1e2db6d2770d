"""The most specific violation is named first."""

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
