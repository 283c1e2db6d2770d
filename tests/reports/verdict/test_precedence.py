"""The most specific violation is named first."""

from gauntlet.core.scenario import catalog
from gauntlet.reports.checks.finding import Outcome, Verdict
from gauntlet.reports.verdict.precedence import NAMED_FIRST
from gauntlet.reports.verdict.verdict import check_reasons


def test_every_check_has_a_place():
    assert sorted(NAMED_FIRST) == sorted(catalog.CHECKS)


def test_a_corruption_is_named_before_the_delivery_that_it_spoiled():
    verdicts = [
        Verdict(name, Outcome.INVALID, f"{name} is violated.", 1, 1, ())
        for name in ("undelivered", "sender-fifo", "divergent-order", "phantom")
    ]
    named = [reason.sentence.partition(":")[0] for reason in check_reasons(verdicts, set())]
    assert named == ["phantom", "divergent-order", "sender-fifo", "undelivered"]
