"""How a finding becomes a verdict, and what happens when a check crashes."""

import pytest

from gauntlet.reports import checks
from gauntlet.reports.checks.finding import Finding, Outcome, judge

STATEMENT = "{count} of {examined} {subject} {are} broken."


@pytest.mark.parametrize(
    ("finding", "outcome"),
    [
        (Finding(5, "things", STATEMENT), Outcome.VALID),
        (Finding(0, "things", STATEMENT), Outcome.UNKNOWN),
        (Finding(5, "things", STATEMENT, count=1), Outcome.INVALID),
        (Finding(5, "things", STATEMENT, count=1, unknown="doubt"), Outcome.INVALID),
        (Finding(5, "things", STATEMENT, unknown="doubt"), Outcome.UNKNOWN),
        (Finding(0, "things", STATEMENT, not_applicable="no faults"), Outcome.NOT_APPLICABLE),
    ],
)
def test_the_verdict_follows_from_the_finding(finding, outcome):
    """A violation outweighs doubt, and a check that examined nothing does not pass."""
    assert judge("duplicate", finding).outcome is outcome


def test_a_check_that_crashes_is_unknown_and_names_the_error(monkeypatch, history, good_story):
    def broken(_history):
        raise ZeroDivisionError("by zero")

    monkeypatch.setitem(checks.CHECKS, "phantom", broken)
    verdict = checks.run_one("phantom", history(good_story(1)))
    assert verdict.outcome is Outcome.UNKNOWN
    assert "ZeroDivisionError: by zero" in verdict.sentence


def test_unrecovered_is_not_applicable_to_a_run_without_faults(verdict, good_story):
    story = good_story(1)
    story.scenario |= {"faults": [], "sla": []}
    assert verdict("unrecovered", story).outcome is Outcome.NOT_APPLICABLE
