"""From a run directory to a verdict: exit codes in their order, and the same answer every time."""

import json

import pytest

from gauntlet.core.history import Kind
from gauntlet.core.run_directory import read_jsonl
from gauntlet.reports.verdict.judge import judge

from ..histories import good_story
from ..mutators import lose_the_tail, recover_too_late, show_in_another_order


def lost():
    """A story in which an acknowledged message is lost."""
    story = good_story(1)
    lose_the_tail(story)
    story.reconcile()
    return story


def without_proof(story):
    """The fault shows no effect."""
    story.chaos[1]["proof"] = {}


def unhealed(story):
    """The heal could not be verified."""
    story.chaos[-1] = {**story.chaos[-1], "step": "heal-failed", "detail": {"error": "still down"}}


def interrupted(story):
    """Somebody pressed Ctrl-C."""
    story.conductor = [{"t_ns": 1, "kind": "interrupted", "message": "Ctrl-C"}]


def unproven(story):
    """The fault could not be shown to act, and was healed."""
    story.chaos[1] = {**story.chaos[1], "step": "failed", "detail": {"error": "nothing seen"}}


def harness_failed(story):
    """A component did not live."""
    story.conductor = [{"t_ns": 1, "kind": "error", "message": "the stack ended"}]


def miscounted(story):
    """The load counts a delivery that its records do not show."""
    story.reconciliation["presented"] += 1


def undercounted(story):
    """The load counts one op less than its records hold."""
    story.reconciliation["ops"] -= 1


def unreconciled(story):
    """The load was killed before it could count."""
    story.reconciliation = {}


def test_the_same_directory_gives_the_same_bytes(written):
    """Nothing of the judgement depends on when or how often it is made; JSON can hold it all."""
    run = written(lost())
    first, second = (json.dumps(judge(run), allow_nan=False) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("broken", "status", "code"),
    [
        ([without_proof], "inconclusive", 5),
        ([unhealed], "error", 6),
        ([interrupted], "aborted", 2),
        ([harness_failed], "error", 3),
        ([miscounted], "error", 3),
        ([undercounted], "error", 3),
        ([unreconciled], "error", 3),
        ([unreconciled, interrupted], "aborted", 2),
        ([without_proof, interrupted], "aborted", 2),
        ([unproven], "error", 3),
        ([unproven, interrupted], "aborted", 2),
        ([unproven, unhealed, interrupted], "error", 6),
        ([miscounted, unhealed], "error", 6),
    ],
)
def test_how_a_run_ends(judged, broken, status, code):
    """Each cause has its code, and the first in the order of precedence wins."""
    story = good_story(1)
    for change in broken:
        change(story)
    verdict = judged(story)["verdict"]
    assert (verdict["status"], verdict["exit_code"]) == (status, code)
    assert verdict["reasons"]


@pytest.mark.parametrize(
    ("after_fault", "code", "told"),
    [
        (False, 3, "No user could connect to it."),
        (True, 1, "After fault f was injected, no user could"),
    ],
)
def test_an_unreachable_target_is_a_finding_only_after_a_fault(judged, after_fault, code, told):
    """Without a fault there was no system to judge; with one, it did not survive it."""
    story = good_story(1)
    unreconciled(story)
    fault = next(row for row in story.chaos if row.get("step") == "requested")
    since_ns = fault["t_ns"] + (1 if after_fault else -1)
    reason = "no user could connect to it"
    story.conductor.append(
        {"t_ns": since_ns, "kind": "unreachable", "since_ns": since_ns, "reason": reason}
    )
    verdict = judged(story)["verdict"]
    assert verdict["exit_code"] == code
    assert verdict["reasons"][0].startswith(told.replace("fault f ", f"fault {fault['id']} "))
    assert not any("reconcile" in each for each in verdict["reasons"])
    story.conductor.append({"t_ns": 1, "kind": "interrupted", "message": "Ctrl-C"})
    assert judged(story)["verdict"]["exit_code"] == 2


@pytest.mark.parametrize(
    ("change", "code"), [(interrupted, 1), (miscounted, 1), (without_proof, 1), (unhealed, 6)]
)
def test_a_lost_message_is_not_excused(judged, change, code):
    """A failed required check comes before everything but a system left broken."""
    story = lost()
    change(story)
    verdict = judged(story)["verdict"]
    assert verdict["exit_code"] == code
    assert any("lost-acked" in reason for reason in verdict["reasons"])


def test_a_check_that_is_not_required_warns(judged):
    """The run passes, and says so."""
    story = good_story(1)
    show_in_another_order(story)
    verdict = judged(story)["verdict"]
    assert (verdict["status"], verdict["exit_code"]) == ("warn", 0)
    assert verdict["reasons"][0].startswith("divergent-order")


def test_a_fault_that_expects_recovery_requires_it(judged):
    """`recover_within` is a promise, whatever the list of required checks says."""
    story = good_story(1)
    recover_too_late(story)
    assert judged(story)["verdict"]["exit_code"] == 1


def test_a_missed_objective_fails_or_warns(judged):
    """As its severity says."""
    for severity, code in (("fail", 1), ("warn", 0)):
        story = good_story(1)
        story.scenario["sla"][0] |= {"value": 1, "severity": severity}
        assert judged(story)["verdict"]["exit_code"] == code


def test_one_cause_of_doubt_is_one_reason(judged):
    """A late generator does not fill the first screen."""
    story = good_story(1)
    story.scenario["load"]["lag_budget_ms"] = 0.01
    verdict = judged(story)["verdict"]
    assert verdict["status"] == "inconclusive"
    (reason,) = verdict["reasons"]
    assert reason.startswith("fast, fast-in-fault are unknown: the load generator sent ")


def test_nothing_sent_is_not_a_pass(judged):
    """A run without messages has no power: required checks are unknown."""
    story = good_story(1)
    story.records = [r for r in story.records if r.kind in (Kind.CONNECT, Kind.DISCONNECT)]
    story.reconcile()
    result = judged(story)
    assert result["verdict"]["status"] == "inconclusive"
    outcomes = {check["verdict"] for check in result["checks"] if check["id"] != "unrecovered"}
    assert outcomes == {"unknown"}


def test_an_unaudited_conversation_is_not_a_pass(judged):
    """What nobody read at the end may be lost."""
    story = good_story(1)
    head = story.records[story.at(Kind.HEAD)[0]]
    story.drop([*story.at(Kind.HEAD, conv=head.conv), *story.at(Kind.AUDIT, conv=head.conv)])
    (check,) = (it for it in judged(story)["checks"] if it["id"] == "lost-acked")
    assert check["verdict"] == "unknown"
    assert "not audited" in check["sentence"]


def test_counts_add_up(judged):
    """Ops and deliveries are counted from the records, and reconcile."""
    counts = judged(good_story(1))["counts"]
    assert counts["ops"] == counts["acked"] + counts["rejected"] + counts["unknown"]
    assert counts["expected"] == counts["presented"] + counts["missing"]


def test_nothing_is_expected_of_one_who_never_connected(judged):
    """A member whom nobody ever saw online is not watching."""
    story = good_story(1)
    story.users[9] = "u0-9"
    story.convs[1]["members"].append(9)
    result = judged(story)
    assert result["verdict"]["exit_code"] == 0
    assert result["counts"]["expected"] == story.reconciliation["expected"]


def test_a_link_that_nobody_names(written):
    """A record of an unknown connection makes the history unusable, not wrong."""
    run = written(good_story(1))
    rows = [row for row in read_jsonl(run.links) if row.get("link") != 1]
    run.links.write_text("".join(json.dumps(row) + "\n" for row in rows))
    verdict = judge(run)["verdict"]
    assert verdict["exit_code"] == 3
    assert "link 1" in verdict["reasons"][0]
