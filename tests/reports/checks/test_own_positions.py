"""Positions of a reader's own messages, on a system that sends senders no echoes."""

import numpy as np
import pytest

from gauntlet.core.history import Kind
from gauntlet.core.scenario.capabilities import SELF_ECHO
from gauntlet.reports import checks
from gauntlet.reports.checks._shared import OwnPositions

LEFT_OUT = ("wire-order", "history-gap")


@pytest.mark.parametrize("seed", range(1, 7))
def test_a_system_without_echoes_passes_every_check_that_applies(history, good_story, seed):
    story = good_story(seed)
    story.silence_echoes()
    found = history(story, without=SELF_ECHO)
    assert {verdict.outcome for verdict in checks.run_all(found)} == {"valid", "not-applicable"}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_missing_echoes_are_violations_if_self_echo_is_declared(verdict, good_story, name):
    story = good_story(1)
    story.silence_echoes()
    assert verdict(name, story).outcome == "invalid"


@pytest.mark.parametrize(
    ("name", "broken"), [("wire-order", "jump_silently"), ("history-gap", "skip_on_a_page")]
)
def test_missing_messages_of_others_are_violations_even_without_echoes(
    history, good_story, break_it, name, broken
):
    story = good_story(1)
    break_it(broken, story)
    story.silence_echoes()
    found = checks.run_one(name, history(story, without=SELF_ECHO))
    assert (found.outcome, found.count) == ("invalid", 1)


def test_own_positions_belong_to_one_writer_and_conversation(history, good_story):
    """Where SELF_ECHO is declared, there are none."""
    story = good_story(1)
    ack = story.records[story.at(Kind.ACK)[0]]
    place = [np.array([value], dtype=np.int64) for value in (ack.conv, ack.peer, ack.seq)]
    conv, user, position = place
    own = OwnPositions(history(story, without=SELF_ECHO))
    assert own.contain(*place).tolist() == [True]
    assert own.contain(conv, user + 1, position).tolist() == [False]
    assert own.contain(conv + 100, user, position).tolist() == [False]
    assert own.count(conv, user, position * 0, position + 100_000).tolist() == [
        sum(story.records[index].seq > 0 for index in _audited_of(story, ack))
    ]
    assert OwnPositions(history(story)).contain(*place).tolist() == [False]


def _audited_of(story, ack):
    """Return the indices of the audit's records of that writer in that conversation."""
    return story.at(Kind.AUDIT, conv=ack.conv, peer=ack.peer, flags=3)
