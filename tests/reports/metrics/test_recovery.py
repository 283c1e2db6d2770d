"""When a service is itself again, and when that is not known."""

import math

import pytest

from gauntlet.core.history import Kind
from gauntlet.reports.metrics import recovery

from ..mutators import stay_cut_off
from ..story import HEAL_S, ZERO, S


def found(history, story):
    """The recovery of the story's first fault, with that fault."""
    read = history(story)
    return recovery.find_recoveries(read)["edge-crash"], read.events.faults[0]


def delay(story, kind, from_s, to_s, by_s):
    """Everything of that kind between two moments comes later."""
    for index in story.at(kind):
        t_ns = story.records[index].t_ns
        if ZERO + from_s * S <= t_ns < ZERO + to_s * S:
            story.change(index, t_ns=t_ns + int(by_s * S))


def test_recovered_once_the_cut_off_are_back(history, good_story):
    """Users return 300 ms after the heal; starts are tried every 100 ms."""
    it, fault = found(history, good_story(1))
    assert 300 <= it.took_ms(fault) <= 500


def test_slow_acknowledgements_are_no_recovery(history, good_story):
    """As long as more than one in a hundred takes over 250 ms."""
    story = good_story(1)
    delay(story, Kind.ACK, HEAL_S, HEAL_S + 2, 0.4)
    it, fault = found(history, story)
    assert 1900 <= it.took_ms(fault) <= 2500


def test_a_session_that_stays_cut_off_is_no_recovery(history, good_story):
    """Everybody who should be connected has to be."""
    story = good_story(1)
    stay_cut_off(story)
    it, fault = found(history, story)
    assert it.recovered_ns is None
    assert it.took_ms(fault) == math.inf
    assert it.until_ns == fault.healed_ns + 5 * S


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("proof", "no proof"),
        ("heal", "not healed"),
        ("late", "the load ended"),
        ("another", "another fault"),
    ],
)
def test_when_recovery_is_not_known(history, good_story, broken, reason):
    """What cannot be seen is neither recovered nor failed."""
    story = good_story(1)
    if broken == "proof":
        story.chaos[1]["proof"] = {}
    elif broken == "heal":
        story.chaos.pop()
    elif broken == "late":
        story.chaos[-1]["t_ns"] = ZERO + int(25.5 * S)
    else:
        stay_cut_off(story)
        extra = {"id": "next", "kind": "kill", "target": "edge", "at": 12}
        story.scenario["faults"].append(extra)
        for step, at_s in (("requested", 12), ("effective", 12.1), ("healed", 13)):
            row = {**story.chaos[0], "id": "next", "step": step, "t_ns": ZERO + int(at_s * S)}
            story.chaos.append({**row, "proof": {"pid": 2}})
    it, fault = found(history, story)
    assert reason in it.unknown
    assert it.took_ms(fault) is None
