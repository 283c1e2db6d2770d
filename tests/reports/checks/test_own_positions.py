"""What a reader wrote himself, he has: where the system sends nobody his own."""

import numpy as np
import pytest

from gauntlet.core.history import Kind
from gauntlet.core.scenario.capabilities import SELF_ECHO
from gauntlet.reports import checks
from gauntlet.reports.checks._shared import OwnPositions

LEFT_OUT = ("wire-order", "history-gap")


@pytest.mark.parametrize("seed", range(1, 7))
def test_a_system_without_echoes_leaves_out_nothing(history, good_story, seed):
    """Pushes and pages go past what their reader wrote: every check that applies is silent."""
    story = good_story(seed)
    story.silence_echoes()
    found = history(story, without=SELF_ECHO)
    assert {verdict.outcome for verdict in checks.run_all(found)} == {"valid", "not-applicable"}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_system_with_echoes_owes_everybody_his_own(verdict, good_story, name):
    """Where SELF_ECHO is declared, the same silence is a hole."""
    story = good_story(1)
    story.silence_echoes()
    assert verdict(name, story).outcome == "invalid"


@pytest.mark.parametrize(
    ("name", "broken"), [("wire-order", "jump_silently"), ("history-gap", "skip_on_a_page")]
)
def test_without_echoes_what_others_wrote_is_owed_all_the_same(
    history, good_story, break_it, name, broken
):
    """The excuse is for the reader's own positions, and for no others beside them."""
    story = good_story(1)
    break_it(broken, story)
    story.silence_echoes()
    found = checks.run_one(name, history(story, without=SELF_ECHO))
    assert (found.outcome, found.count) == ("invalid", 1)


def test_positions_are_their_writers_alone(history, good_story):
    """In that conversation, at that position, and nobody else's; none where echoes come."""
    story = good_story(1)
    ack = story.records[story.at(Kind.ACK)[0]]
    place = [np.array([value], dtype=np.int64) for value in (ack.conv, ack.peer, ack.seq)]
    conv, user, position = place
    own = OwnPositions(history(story, without=SELF_ECHO))
    assert own.contain(*place).tolist() == [True]
    assert own.contain(conv, user + 1, position).tolist() == [False]
    assert own.contain(conv + 100, user, position).tolist() == [False]
    assert own.count(conv, user, position * 0, position + 100_000).tolist() == [
        sum(it.seq > 0 for it in map(story.records.__getitem__, _mine(story, ack)))
    ]
    assert OwnPositions(history(story)).contain(*place).tolist() == [False]


def _mine(story, ack):
    """The audit's records of that writer in that conversation."""
    return story.at(Kind.AUDIT, conv=ack.conv, peer=ack.peer, flags=3)
