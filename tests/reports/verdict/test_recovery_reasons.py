"""A run in which no recovery can be judged does not show that the system survives faults."""

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.story import RAMP_S, STEADY_S, ZERO, S

REASON = (
    "unrecovered: It is unknown for every fault whether the service recovered (edge-crash: the "
    "load ended before the time allowed for it was over). Let the load go on for longer after a "
    "fault."
)


@pytest.fixture
def story():
    """A run whose fault is healed half a second before the load ends."""
    story = good_story(1)
    story.scenario["sla"] = []
    end_s = RAMP_S + STEADY_S
    times = {"requested": 1.5, "effective": 1.4, "heal-requested": 0.6, "healed": 0.5}
    for row in story.chaos:
        row["t_ns"] = ZERO + int((end_s - times[row["step"]]) * S)
    return story


def add_early_fault(story):
    """Add a fault from which the service had recovered long before the other one."""
    first = {"id": "first", "kind": "kill", "target": "gateway", "at": 4, "for": 1}
    story.scenario["faults"].append(first)
    for row in list(story.chaos):
        at_s = {"requested": 4, "effective": 4.1, "heal-requested": 4.9, "healed": 5}[row["step"]]
        changed = {"id": "first", "target": "gateway", "t_ns": ZERO + int(at_s * S)}
        story.chaos.append({**row, **changed})


def test_an_unknown_recovery_from_every_fault_leaves_the_run_inconclusive(story, judged):
    result = judged(story)
    assert result["verdict"]["exit_code"] == 5
    assert REASON in result["verdict"]["reasons"]


def test_one_recovery_that_can_be_judged_is_enough(story, judged):
    add_early_fault(story)
    result = judged(story)
    assert [fault["recovery_ms"] is None for fault in result["faults"]] == [True, False]
    assert result["verdict"]["exit_code"] == 0, result["verdict"]


def test_a_required_check_is_the_only_reason(story, judged):
    story.scenario["faults"][0]["expect"] = {"recover_within": 3}
    reasons = judged(story)["verdict"]["reasons"]
    (reason,) = (text for text in reasons if text.startswith("unrecovered: "))
    assert reason.startswith("unrecovered: Recovery cannot be judged for fault edge-crash: ")


def test_a_fault_without_proof_or_without_traffic_is_named_only_once(story, judged):
    story.chaos[1]["proof"] = {}
    reasons = judged(story)["verdict"]["reasons"]
    assert [text for text in reasons if "edge-crash" in text] == [
        "There is no proof that fault edge-crash took effect."
    ]


def test_a_fault_that_this_machine_cannot_inject_is_named_with_the_reason(story, judged):
    """It is not skipped silently: the run shows nothing of what it was for."""
    story.chaos[1]["proof"] = {}
    story.chaos[1]["detail"] = {"unproven": {"reason": "/dev/fuse does not exist"}}
    verdict = judged(story)["verdict"]
    assert verdict["exit_code"] == 5
    assert (
        "There is no proof that fault edge-crash took effect: /dev/fuse does not exist."
        in verdict["reasons"]
    )


def test_a_run_without_faults_needs_no_recovery(story, judged):
    story.scenario["faults"], story.chaos = [], []
    assert judged(story)["verdict"]["exit_code"] == 0


def test_a_run_that_was_cut_short_is_only_interrupted(story, judged):
    story.conductor.append({"t_ns": ZERO, "kind": "interrupted", "message": "Ctrl-C"})
    assert not any("unrecovered" in text for text in judged(story)["verdict"]["reasons"])
