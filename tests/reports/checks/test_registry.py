"""How a finding becomes a verdict, and what happens when a check crashes."""

import pytest

from gauntlet.core.history import PageFlag
from gauntlet.core.scenario.capabilities import SERVER_SEQ
from gauntlet.reports import checks
from gauntlet.reports.checks.finding import Finding, Outcome, judge

from ..small_runs import SmallRun
from .test_page_gaps import ALL, COMPLETE, page, small_run

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
    assert verdict.sentence == "The check crashed with ZeroDivisionError: by zero"
    assert verdict.examined == 0


def test_all_checks_are_judged_in_the_order_of_the_registry():
    verdicts = checks.run_all(SmallRun((1, 2)).history())
    assert [verdict.check for verdict in verdicts] == list(checks.CHECKS)


@pytest.mark.parametrize(
    ("flags", "entries", "applicable"),
    [
        (None, 0, set()),
        (COMPLETE, 1, {"history-gap"}),
        # Two entries have an order.
        (COMPLETE, 2, {"realtime", "history-gap"}),
        (COMPLETE & ~PageFlag.OLDEST_FIRST, 2, {"history-gap"}),
        # Pages of a load list only what its reader did not have.
        (PageFlag.LAST, 2, set()),
    ],
)
def test_a_page_that_lists_all_of_its_entries_replaces_positions(flags, entries, applicable):
    run = small_run()
    run.without = SERVER_SEQ
    if flags is not None:
        page(run, 3, 20, *ALL[:entries], flags=flags)
    history = run.history()
    found = {
        name: checks.find(name, history)
        for name, needs in checks.NEEDS.items()
        if SERVER_SEQ in needs
    }
    refused = {name for name, each in found.items() if "does not declare" in each.not_applicable}
    assert found.keys() - refused == applicable
    assert all(found[name].examined == 0 for name in refused)


def test_unrecovered_is_not_applicable_to_a_run_without_faults(verdict, good_story):
    story = good_story(1)
    story.scenario |= {"faults": [], "sla": []}
    assert verdict("unrecovered", story).outcome is Outcome.NOT_APPLICABLE
