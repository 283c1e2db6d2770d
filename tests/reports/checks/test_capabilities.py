"""A check is not applicable without the capabilities that it needs, and names them."""

from dataclasses import replace

import pytest

from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.capabilities import (
    ATTENDANCE,
    CAPABILITIES,
    HEADS,
    HISTORY,
    ROOMS,
    SELF_ECHO,
    SERVER_SEQ,
    TIMESTAMPS,
)
from gauntlet.reports import checks
from gauntlet.reports.checks.finding import Outcome

# The capabilities that a check or the history consults; the others concern only the load.
JUDGED_BY = {SERVER_SEQ, HISTORY, HEADS, SELF_ECHO, ROOMS, TIMESTAMPS, ATTENDANCE}


@pytest.mark.parametrize("name", catalog.CHECKS)
def test_a_check_without_its_capabilities_is_not_applicable_and_names_them(
    history, good_story, name
):
    without = replace(history(good_story(1)), capabilities=frozenset())
    verdict = checks.run_one(name, without)
    if needs := checks.NEEDS.get(name):
        assert verdict.outcome is Outcome.NOT_APPLICABLE
        assert all(f"`{capability}`" in verdict.sentence for capability in needs)
    else:
        assert "declare" not in verdict.sentence


def test_a_check_without_its_capability_does_not_report_violations(history, good_story, break_it):
    story = good_story(1)
    break_it("push_backwards", story)
    story.reconcile()
    found = history(story)
    assert checks.run_one("wire-order", found).outcome is Outcome.INVALID
    without = replace(found, capabilities=frozenset(CAPABILITIES) - {SERVER_SEQ})
    assert checks.run_one("wire-order", without).outcome is Outcome.NOT_APPLICABLE


def test_checks_need_only_capabilities_that_exist():
    """A capability that no adapter can declare would disable its check for good."""
    assert set(checks.NEEDS) <= set(catalog.CHECKS)
    assert set().union(*checks.NEEDS.values()) == JUDGED_BY


def test_without_history_an_acknowledged_message_that_never_arrives_is_undelivered(
    history, good_story, break_it
):
    story = good_story(1)
    break_it("withhold_the_tail", story)
    story.reconcile()
    without = replace(history(story), capabilities=frozenset())
    assert checks.run_one("undelivered", without).outcome is Outcome.INVALID
