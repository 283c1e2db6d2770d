"""When a service has recovered, and when that is unknown."""

import math

import pytest

from gauntlet.campaigns.synthetic.service_mutators import keep_a_user_disconnected
from gauntlet.campaigns.synthetic.story import HEAL_S, RAMP_S, STEADY_S, ZERO, S
from gauntlet.core.history import RECORDED, Kind
from gauntlet.reports.metrics import recovery

SENDS = (Kind.OP, Kind.ATTEMPT, Kind.ACK, Kind.UNKNOWN, Kind.DELIVER)


def found(history, story):
    """Return the recovery of the story's first fault, and that fault."""
    read = history(story)
    return recovery.find_recoveries(read)["edge-crash"], read.events.faults[0]


def delay(story, kind, from_s, to_s, by_s):
    """Delay all records of that kind between two times."""
    for index in story.at(kind):
        t_ns = story.records[index].t_ns
        if ZERO + from_s * S <= t_ns < ZERO + to_s * S:
            story.change(index, t_ns=t_ns + int(by_s * S))


def needed_s(history, story):
    """Return how long after the allowed time the service must be seen."""
    return 1.001 + recovery._Service(history(story)).limit_ns / S


def test_the_service_recovers_when_disconnected_users_are_back(history, good_story):
    """Users return 300 ms after the heal; the search has steps of 100 ms."""
    found_recovery, fault = found(history, good_story(1))
    assert 300 <= found_recovery.took_ms(fault) <= 500


def test_the_service_has_not_recovered_while_acknowledgements_are_slow(history, good_story):
    story = good_story(1)
    delay(story, Kind.ACK, HEAL_S, HEAL_S + 2, 0.4)
    found_recovery, fault = found(history, story)
    assert 1900 <= found_recovery.took_ms(fault) <= 2500


def test_a_service_that_stays_slow_is_not_its_own_measure(history, good_story):
    """Most of the load comes after the window of the fault, and is as slow as in it."""
    story = good_story(1)
    story.scenario["recovery_window"] = 1
    delay(story, Kind.ACK, HEAL_S, RAMP_S + STEADY_S, 0.4)
    found_recovery, fault = found(history, story)
    assert found_recovery.took_ms(fault) == math.inf
    assert "the p99 of acknowledgements was" in found_recovery.hindrance


def test_without_enough_load_before_the_faults_the_later_load_is_the_measure(
    history, good_story, monkeypatch
):
    monkeypatch.setattr(recovery, "SAMPLES_MIN", 10_000)
    story = good_story(1)
    story.scenario["recovery_window"] = 1
    delay(story, Kind.ACK, HEAL_S, RAMP_S + STEADY_S, 0.4)
    found_recovery, fault = found(history, story)
    assert found_recovery.took_ms(fault) < 1000


@pytest.mark.parametrize(("adapter", "is_known"), [(RECORDED, False), ("reference", True)])
def test_in_a_log_nobody_may_have_sent_anything_after_the_heal(
    history, good_story, adapter, is_known
):
    """A load sends if it can, so that its silence is that of the service."""
    story = good_story(1)
    story.scenario["target"] = {"adapter": adapter, "stack": "external"}
    story.scenario["recovery_window"] = 1
    if adapter == RECORDED:
        del story.phases["quiesce"]
    story.drop(
        index
        for index, record in enumerate(story.records)
        if HEAL_S <= (record.ref_ns - ZERO) / S < HEAL_S + 6 and record.kind in SENDS
    )
    found_recovery, _ = found(history, story)
    expected = "" if is_known else "no user sent a message in the time allowed for it"
    assert found_recovery.unknown == expected


def test_the_service_does_not_recover_while_a_user_stays_disconnected(history, good_story):
    story = good_story(1)
    keep_a_user_disconnected(story)
    found_recovery, fault = found(history, story)
    assert found_recovery.recovered_ns is None
    assert found_recovery.took_ms(fault) == math.inf
    assert found_recovery.until_ns == fault.healed_ns + 5 * S
    assert found_recovery.hindrance == "some users were not connected"


def test_slow_acknowledgements_are_named_as_what_hindered_the_recovery(history, good_story):
    story = good_story(1)
    delay(story, Kind.ACK, HEAL_S, RAMP_S + STEADY_S, 0.4)
    story.scenario["faults"][0]["expect"] = {"recover_within": 2}
    story.scenario["recovery_window"] = 60
    found_recovery, _ = found(history, story)
    assert found_recovery.hindrance == (
        "the p99 of acknowledgements was 600 ms, not 302 ms or less"
    )


def test_missing_acknowledgements_are_named_as_what_hindered_the_recovery(history, good_story):
    story = good_story(1)
    story.drop([at for at in story.at(Kind.ACK) if story.records[at].t_ns > ZERO + HEAL_S * S])
    story.scenario["recovery_window"] = 1
    found_recovery, _ = found(history, story)
    assert "more than 1 % of the acknowledgements never came" in found_recovery.hindrance


def test_recovery_is_unknown_without_any_acknowledgement(history, good_story):
    """A protocol may have no acknowledgements; there would never be one that is fast enough."""
    story = good_story(1)
    story.drop(story.at(Kind.ACK))
    found_recovery, _ = found(history, story)
    assert found_recovery.recovered_ns is None
    assert found_recovery.unknown == "no message was acknowledged"


@pytest.mark.parametrize(("within", "window_s"), [("2s", 5), ("6s", 6)])
def test_the_recovery_window_is_the_longer_of_both_limits(history, good_story, within, window_s):
    """The story's `recovery_window` is 5 s, and a user stays disconnected for longer than that."""
    story = good_story(1)
    keep_a_user_disconnected(story)
    story.scenario["faults"][0]["expect"] = {"recover_within": within}
    found_recovery, fault = found(history, story)
    assert found_recovery.until_ns == fault.healed_ns + window_s * S


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("proof", "no proof"),
        ("heal", "not healed"),
        ("late", "the load ended"),
        ("end", "the load ended"),
        ("another", "another fault"),
        ("overlapping", "another fault"),
    ],
)
def test_a_recovery_that_cannot_be_observed_is_unknown(history, good_story, broken, reason):
    story = good_story(1)
    if broken == "proof":
        story.chaos[1]["proof"] = {}
    elif broken == "heal":
        story.chaos.pop()
    elif broken == "late":
        story.chaos[-1]["t_ns"] = ZERO + int(25.5 * S)
    elif broken == "end":  # the window ends less than a second before the arrivals do
        delay(story, Kind.ACK, HEAL_S, RAMP_S + STEADY_S, 0.4)
        for index in story.at(Kind.ACK)[:8]:  # more than one in a hundred of the baseline
            story.change(index, kind=Kind.UNKNOWN)
        story.scenario["faults"][0]["expect"] = {"recover_within": RAMP_S + STEADY_S - HEAL_S - 0.5}
    else:
        keep_a_user_disconnected(story)
        from_s = 12 if broken == "another" else HEAL_S - 1
        extra = {"id": "next", "kind": "kill", "target": "edge", "at": from_s}
        story.scenario["faults"].append(extra)
        for step, at_s in (("requested", from_s), ("effective", from_s + 0.1), ("healed", 13)):
            row = {**story.chaos[0], "id": "next", "step": step, "t_ns": ZERO + int(at_s * S)}
            story.chaos.append({**row, "proof": {"pid": 2}})
    found_recovery, fault = found(history, story)
    assert reason in found_recovery.unknown
    assert found_recovery.took_ms(fault) is None


@pytest.mark.parametrize(("more_s", "certain"), [(0.0, True), (-0.05, False)])
def test_a_fault_after_the_allowed_time_does_not_hide_that_the_service_did_not_recover(
    history, good_story, more_s, certain
):
    """A calm second, and time for its messages to arrive, are needed after the allowed time."""
    story = good_story(1)
    keep_a_user_disconnected(story)
    story.scenario["faults"][0]["expect"] = {"recover_within": 2}
    story.scenario["faults"].append({"id": "next", "kind": "kill", "target": "edge", "at": 12})
    at_s = HEAL_S + 2 + needed_s(history, story) + more_s
    for step, after_s in (("requested", 0), ("effective", 0), ("healed", 0.5)):
        t_ns = ZERO + int((at_s + after_s) * S)
        row = {**story.chaos[0], "id": "next", "step": step, "t_ns": t_ns}
        story.chaos.append({**row, "proof": {"pid": 2}})
    found_recovery, fault = found(history, story)
    assert found_recovery.took_ms(fault) == (math.inf if certain else None)


@pytest.mark.parametrize(("more_s", "certain"), [(0.0, True), (-0.05, False)])
def test_a_load_that_ends_after_the_allowed_time_shows_that_the_service_did_not_recover(
    history, good_story, more_s, certain
):
    story = good_story(1)
    delay(story, Kind.ACK, HEAL_S, RAMP_S + STEADY_S, 0.4)
    story.scenario["recovery_window"] = 60
    spare_s = needed_s(history, story) + more_s
    story.scenario["faults"][0]["expect"] = {"recover_within": RAMP_S + STEADY_S - HEAL_S - spare_s}
    found_recovery, fault = found(history, story)
    assert found_recovery.took_ms(fault) == (math.inf if certain else None)
