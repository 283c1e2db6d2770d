"""How a finding becomes a verdict, and what happens when a check breaks."""

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
def test_what_a_finding_amounts_to(finding, outcome):
    """A violation outweighs doubt; nothing examined is no pass."""
    assert judge("duplicate", finding).outcome is outcome


def test_a_check_that_crashes_is_unknown(monkeypatch, history, good_story):
    """Never valid, and the error is told."""

    def broken(_history):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setitem(checks.CHECKS, "phantom", broken)
    verdict = checks.run_one("phantom", history(good_story(1)))
    assert verdict.outcome is Outcome.UNKNOWN
    assert "ZeroDivisionError: by nothing" in verdict.sentence


def test_a_run_without_faults_has_nothing_to_recover_from(verdict, good_story):
    """Not applicable is neither a pass nor a doubt."""
    story = good_story(1)
    story.scenario |= {"faults": [], "sla": []}
    assert verdict("unrecovered", story).outcome is Outcome.NOT_APPLICABLE
