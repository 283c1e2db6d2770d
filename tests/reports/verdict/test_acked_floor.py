"""A system that accepts too little does not pass, however well it keeps the rest."""

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.story import FAULT_S, HEAL_S, MS, ZERO, S
from gauntlet.core.history import Kind


def refuse(story, share, *, between_s=None):
    """Refuse a share of the acknowledged messages, which then are neither stored nor shown."""
    acks = [
        index
        for index in story.at(Kind.ACK)
        if between_s is None
        or between_s[0] * S <= story.records[index].ref_ns - ZERO < between_s[1] * S
    ]
    for index in acks[: round(share * len(acks))]:
        story.change(index, kind=Kind.REJECT, seq=0)
    refused = {
        (record.conv, record.peer, record.sseq)
        for record in (story.records[at] for at in story.at(Kind.REJECT))
    }
    seen = (Kind.DELIVER, Kind.RECEIVE, Kind.AUDIT)
    story.drop(
        [
            at
            for at, record in enumerate(story.records)
            if record.kind in seen and (record.conv, record.peer, record.sseq) in refused
        ]
    )
    story.reconcile()


def test_a_store_that_refuses_most_messages_fails(judged):
    story = good_story(1)
    refuse(story, 0.9)
    result = judged(story)
    reasons = [r for r in result["verdict"]["reasons"] if r.startswith("acked-floor: only ")]
    assert result["verdict"]["status"] == "fail"
    assert len(reasons) == 1
    assert "requires at least 99 %" in reasons[0]
    assert result["acked_share"]["share"] < 0.2


def test_the_required_share_is_not_rounded(judged):
    story = good_story(1)
    story.scenario["load"]["acked_floor"] = 0.995
    refuse(story, 0.02)
    reasons = judged(story)["verdict"]["reasons"]
    (reason,) = (reason for reason in reasons if reason.startswith("acked-floor: only "))
    assert reason.endswith("requires at least 99.5 %.")


def test_a_scenario_may_require_less(judged):
    story = good_story(1)
    story.scenario["load"]["acked_floor"] = 0.05
    refuse(story, 0.9)
    reasons = judged(story)["verdict"]["reasons"]
    assert not any(reason.startswith("acked-floor") for reason in reasons)


def test_messages_of_a_fault_and_its_recovery_do_not_count(judged):
    story = good_story(1)
    refuse(story, 1.0, between_s=(FAULT_S, HEAL_S))
    assert judged(story)["acked_share"]["share"] >= 0.99


@pytest.mark.parametrize(("ends_ms", "counted"), [(-1, 1), (1, 0)])
def test_a_message_that_a_fault_interrupts_belongs_to_the_fault(judged, ends_ms, counted):
    """It was intended before the fault was requested, and ended after that."""
    story = good_story(1)
    before = judged(story)["acked_share"]
    requested = ZERO + int(FAULT_S * S)
    known = {"conv": 1, "link": 1, "peer": 1, "sseq": 9_999, "ref_ns": requested - 5 * MS}
    story.add(Kind.OP, requested - 5 * MS, **known)
    story.add(Kind.ATTEMPT, requested - 5 * MS, **known, spare=1)
    story.add(Kind.REJECT, requested + ends_ms * MS, **known, spare=1)
    story.reconcile()
    after = judged(story)["acked_share"]
    assert after["ops"] - before["ops"] == counted
    assert after["acked"] == before["acked"]


def test_a_run_that_was_cut_short_is_not_judged(judged):
    story = good_story(1)
    refuse(story, 0.9)
    story.conductor.append(
        {"t_ns": ZERO + 20 * S, "kind": "interrupted", "message": "Ctrl-C was pressed"}
    )
    reasons = judged(story)["verdict"]["reasons"]
    assert not any(reason.startswith("acked-floor") for reason in reasons)
