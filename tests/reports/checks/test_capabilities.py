"""What a system does not have is not judged: not-applicable with the reason, never valid."""

from dataclasses import replace

import pytest

from gauntlet.core.scenario import catalog
from gauntlet.core.scenario.capabilities import CAPABILITIES, HISTORY, SELF_ECHO, SERVER_SEQ
from gauntlet.reports import checks
from gauntlet.reports.checks.finding import Outcome

# What some check, or the making of the history, consults; the others concern the load alone.
JUDGED_BY = {SERVER_SEQ, HISTORY, SELF_ECHO}


@pytest.mark.parametrize("name", catalog.CHECKS)
def test_a_check_says_why_it_cannot_judge(history, good_story, name):
    """Without anything declared, a check either does without or names what it lacks."""
    bare = replace(history(good_story(1)), capabilities=frozenset())
    verdict = checks.run_one(name, bare)
    if needs := checks.NEEDS.get(name):
        assert verdict.outcome is Outcome.NOT_APPLICABLE
        assert all(f"`{one}`" in verdict.sentence for one in needs)
    else:
        assert "declare" not in verdict.sentence


def test_a_violation_is_no_excuse(history, good_story, break_it):
    """What cannot be judged is not judged, even where the records would look bad."""
    story = good_story(1)
    break_it("push_backwards", story)
    story.reconcile()
    found = history(story)
    assert checks.run_one("wire-order", found).outcome is Outcome.INVALID
    bare = replace(found, capabilities=frozenset(CAPABILITIES) - {SERVER_SEQ})
    assert checks.run_one("wire-order", bare).outcome is Outcome.NOT_APPLICABLE


def test_what_checks_need_are_words_that_adapters_know():
    """A need that nobody could declare would silence a check for ever."""
    assert set(checks.NEEDS) <= set(catalog.CHECKS)
    assert set().union(*checks.NEEDS.values()) == JUDGED_BY


def test_without_history_the_acknowledgement_is_all_there_is(history, good_story, break_it):
    """What was acknowledged and never came is undelivered, though nobody knows what is stored."""
    story = good_story(1)
    break_it("withhold_the_tail", story)
    story.reconcile()
    bare = replace(history(story), capabilities=frozenset())
    assert checks.run_one("undelivered", bare).outcome is Outcome.INVALID
