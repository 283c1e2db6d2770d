"""Judging a run directory: exit codes in their order, and reproducible results."""

import json

import pytest

from gauntlet.campaigns.synthetic.histories import good_story
from gauntlet.campaigns.synthetic.mutators import (
    lose_the_tail,
    present_in_another_order,
)
from gauntlet.campaigns.synthetic.service_mutators import recover_too_late
from gauntlet.core.history import Kind
from gauntlet.core.run_directory import read_jsonl
from gauntlet.core.scenario import catalog
from gauntlet.reports.verdict.judge import judge


def story_with_a_lost_message():
    """Return a story in which an acknowledged message is lost."""
    story = good_story(1)
    lose_the_tail(story)
    story.reconcile()
    return story


def remove_proof(story):
    """Remove the proof of the fault's effect."""
    story.chaos[1]["proof"] = {}


def fail_to_heal(story):
    """Let the heal fail."""
    story.chaos[-1] = {**story.chaos[-1], "step": "heal-failed", "detail": {"error": "still down"}}


def interrupt(story):
    """Interrupt the run with Ctrl-C."""
    story.conductor = [{"t_ns": 1, "kind": "interrupted", "message": "Ctrl-C"}]


def fail_to_prove(story):
    """Let the fault fail without a proof, and heal it."""
    story.chaos[1] = {**story.chaos[1], "step": "failed", "detail": {"error": "nothing seen"}}


def fail_harness(story):
    """Let a component of the stack end."""
    story.conductor = [{"t_ns": 1, "kind": "error", "message": "the stack ended"}]


def miscount(story):
    """Let the load count a delivery that its records do not contain."""
    story.reconciliation["presented"] += 1


def undercount(story):
    """Let the load count one op less than its records contain."""
    story.reconciliation["ops"] -= 1


def skip_reconciliation(story):
    """Kill the load before it can count."""
    story.reconciliation = {}


def test_the_same_directory_gives_the_same_bytes(written):
    run = written(story_with_a_lost_message())
    first, second = (json.dumps(judge(run), allow_nan=False) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("broken", "status", "code"),
    [
        ([remove_proof], "inconclusive", 5),
        ([fail_to_heal], "error", 6),
        ([interrupt], "aborted", 2),
        ([fail_harness], "error", 3),
        ([miscount], "error", 3),
        ([undercount], "error", 3),
        ([skip_reconciliation], "error", 3),
        ([skip_reconciliation, interrupt], "aborted", 2),
        ([remove_proof, interrupt], "aborted", 2),
        ([fail_to_prove], "error", 3),
        ([fail_to_prove, interrupt], "aborted", 2),
        ([fail_to_prove, fail_to_heal, interrupt], "error", 6),
        ([miscount, fail_to_heal], "error", 6),
    ],
)
def test_the_exit_code_is_that_of_the_cause_with_precedence(judged, broken, status, code):
    story = good_story(1)
    for change in broken:
        change(story)
    verdict = judged(story)["verdict"]
    assert (verdict["status"], verdict["exit_code"]) == (status, code)
    assert verdict["reasons"]


@pytest.mark.parametrize(
    ("after_fault", "code", "sentence"),
    [
        (False, 3, "No user could connect to it."),
        (True, 1, "After fault f was injected, no user could"),
    ],
)
def test_an_unreachable_target_fails_the_run_only_after_a_fault(
    judged, after_fault, code, sentence
):
    """Without a fault there was no system to judge."""
    story = good_story(1)
    skip_reconciliation(story)
    fault = next(row for row in story.chaos if row.get("step") == "requested")
    since_ns = fault["t_ns"] + (1 if after_fault else -1)
    reason = "no user could connect to it"
    story.conductor.append(
        {"t_ns": since_ns, "kind": "unreachable", "since_ns": since_ns, "reason": reason}
    )
    verdict = judged(story)["verdict"]
    assert verdict["exit_code"] == code
    assert verdict["reasons"][0].startswith(sentence.replace("fault f ", f"fault {fault['id']} "))
    assert not any("reconcile" in text for text in verdict["reasons"])
    story.conductor.append({"t_ns": 1, "kind": "interrupted", "message": "Ctrl-C"})
    assert judged(story)["verdict"]["exit_code"] == 2


@pytest.mark.parametrize(
    ("change", "code"), [(interrupt, 1), (miscount, 1), (remove_proof, 1), (fail_to_heal, 6)]
)
def test_a_lost_message_fails_the_run_unless_a_fault_was_not_healed(judged, change, code):
    story = story_with_a_lost_message()
    change(story)
    verdict = judged(story)["verdict"]
    assert verdict["exit_code"] == code
    assert any("lost-acked" in reason for reason in verdict["reasons"])


def test_a_violated_check_that_is_not_required_is_a_warning(judged):
    story = good_story(1)
    story.scenario["checks"] = {"required": ["lost-acked"]}
    present_in_another_order(story)
    verdict = judged(story)["verdict"]
    assert (verdict["status"], verdict["exit_code"]) == ("warn", 0)
    assert verdict["reasons"][0].startswith("divergent-order")


def test_a_fault_that_expects_recovery_requires_the_check(judged):
    story = good_story(1)
    recover_too_late(story)
    assert judged(story)["verdict"]["exit_code"] == 1


def test_a_missed_objective_fails_or_warns_by_its_severity(judged):
    for severity, code in (("fail", 1), ("warn", 0)):
        story = good_story(1)
        story.scenario["sla"][0] |= {"value": 1, "severity": severity}
        assert judged(story)["verdict"]["exit_code"] == code


def test_objectives_with_the_same_cause_of_doubt_share_one_reason(judged):
    story = good_story(1)
    story.scenario["load"]["lag_budget_ms"] = 0.01
    verdict = judged(story)["verdict"]
    assert verdict["status"] == "inconclusive"
    (reason,) = verdict["reasons"]
    assert reason.startswith("fast, fast-in-fault are unknown: the load generator was at ")


def test_a_run_without_messages_is_inconclusive(judged):
    story = good_story(1)
    story.records = [r for r in story.records if r.kind in (Kind.CONNECT, Kind.DISCONNECT)]
    story.reconcile()
    result = judged(story)
    assert result["verdict"]["status"] == "inconclusive"
    unknown = {check["id"] for check in result["checks"] if check["verdict"] == "unknown"}
    about_messages = {name for name, kind in catalog.CHECKS.items() if kind.aspect != "re-sync"}
    # Nothing was answered, read or compared, and no user was a stranger or in a room.
    not_applicable = {"access", "ack-content", "attendance-stale", "causal", "contacts", "exit"}
    not_applicable |= {"history-order", "late", "stickers"}
    assert unknown >= about_messages - not_applicable | {"history-gap"}


def test_a_conversation_without_an_audit_makes_lost_acked_unknown(judged):
    story = good_story(1)
    head = story.records[story.at(Kind.HEAD)[0]]
    story.drop([*story.at(Kind.HEAD, conv=head.conv), *story.at(Kind.AUDIT, conv=head.conv)])
    (check,) = (check for check in judged(story)["checks"] if check["id"] == "lost-acked")
    assert check["verdict"] == "unknown"
    assert "not audited" in check["sentence"]


def test_every_op_and_every_expected_delivery_has_one_outcome_in_the_counts(judged):
    counts = judged(good_story(1))["counts"]
    assert counts["ops"] == counts["acked"] + counts["rejected"] + counts["unknown"]
    assert counts["expected"] == counts["presented"] + counts["missing"]


def test_nothing_is_expected_of_a_member_who_never_connected(judged):
    story = good_story(1)
    story.users[9] = "u0-9"
    story.convs[1]["members"].append(9)
    result = judged(story)
    assert result["verdict"]["exit_code"] == 0
    assert result["counts"]["expected"] == story.reconciliation["expected"]


def test_a_record_of_an_unnamed_link_is_a_harness_error(written):
    run = written(good_story(1))
    rows = [row for row in read_jsonl(run.links) if row.get("link") != 1]
    run.links.write_text("".join(json.dumps(row) + "\n" for row in rows))
    verdict = judge(run)["verdict"]
    assert verdict["exit_code"] == 3
    assert "link 1" in verdict["reasons"][0]
