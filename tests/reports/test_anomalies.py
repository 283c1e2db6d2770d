"""The benchmark of the checks: each anomaly is named, witnessed, and nothing else is."""

import pytest

from gauntlet.core.scenario import catalog
from gauntlet.reports.checks import CHECKS

from .histories import good_story
from .mutators import MUTATORS

SEEDS = (1, 2, 3)


def violated(result):
    """The ids of the checks that found something."""
    return {check["id"] for check in result["checks"] if check["verdict"] == "invalid"}


def test_the_registry_is_the_vocabulary():
    """Every check that users may name exists, in the order in which they read of them."""
    assert list(CHECKS) == list(catalog.CHECKS)


def test_every_check_has_a_mutator():
    """No check is believed that has not been seen to fail."""
    assert set(MUTATORS.values()) == set(CHECKS)


@pytest.mark.parametrize("seed", range(1, 13))
def test_a_good_run_is_valid_in_every_respect(judged, seed):
    """Unanswered ops, dropped copies, re-syncs, announced gaps and absences set off nothing."""
    result = judged(good_story(seed))
    assert {check["verdict"] for check in result["checks"]} == {"valid"}
    assert result["verdict"] == {"status": "pass", "exit_code": 0, "reasons": []}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mutate", MUTATORS, ids=lambda mutate: mutate.__name__)
def test_an_anomaly_is_named_and_witnessed(judged, mutate, seed):
    """The right check, no other check, and a witness that names the right messages."""
    story = good_story(seed)
    messages = mutate(story)
    story.reconcile()
    result = judged(story)
    assert violated(result) == {MUTATORS[mutate]}
    (check,) = (check for check in result["checks"] if check["verdict"] == "invalid")
    witnessed = {
        (message["conv"], message["sender"], message["sseq"])
        for witness in check["witnesses"]
        for message in witness["messages"]
    }
    assert check["witnesses"]
    assert {
        (story.convs[conv]["name"], story.users[author], sseq) for conv, author, sseq in messages
    } <= witnessed
