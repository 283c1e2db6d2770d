"""Each anomaly is reported by the right check first, with a witness, and by no unrelated one."""

import pytest

from gauntlet.campaigns.synthetic.exit_mutators import remove_a_member_without_a_request
from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.mutators import MUTATORS
from gauntlet.core.scenario import catalog
from gauntlet.reports.checks import CHECKS

SEEDS = (1, 2, 3)
# A member whom nothing removed is still entitled to what the server no longer gives them.
CONSEQUENCES = {remove_a_member_without_a_request: {"undelivered"}}


def violated(result):
    """Return the ids of the violated checks."""
    return {check["id"] for check in result["checks"] if check["verdict"] == "invalid"}


def test_the_checks_are_those_of_the_catalog_in_its_order():
    assert list(CHECKS) == list(catalog.CHECKS)


def test_every_check_has_a_mutator():
    """A check counts only if it has been seen to fail."""
    assert set(MUTATORS.values()) == set(CHECKS)


@pytest.mark.parametrize("seed", range(1, 13))
def test_a_good_run_is_valid_in_every_check(judged, seed):
    result = judged(good_story(seed))
    assert {check["verdict"] for check in result["checks"]} == {"valid"}
    assert result["verdict"] == {"status": "pass", "exit_code": 0, "reasons": []}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mutate", MUTATORS, ids=lambda mutate: mutate.__name__)
def test_an_anomaly_violates_one_check_with_the_right_witness(judged, mutate, seed):
    story = good_story(seed)
    messages = mutate(story)
    story.reconcile()
    result = judged(story)
    assert violated(result) == {MUTATORS[mutate], *CONSEQUENCES.get(mutate, ())}
    assert result["verdict"]["reasons"][0].startswith(f"{MUTATORS[mutate]}: ")
    (check,) = (check for check in result["checks"] if check["id"] == MUTATORS[mutate])
    witnessed = {
        (message["conv"], message["sender"], message["sseq"])
        for witness in check["witnesses"]
        for message in witness["messages"]
    }
    assert check["witnesses"]
    assert {
        (story.convs[conv]["name"], story.users[author], sseq) for conv, author, sseq in messages
    } <= witnessed
