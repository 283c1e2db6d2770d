"""A fault has a card with its proof, the steps of the failover, its cost and its violations."""

from types import SimpleNamespace

import pytest

from gauntlet.reports.render.sections import recovery

COST = {
    "messages": 300, "late_acks": 12, "late_deliveries": 40, "refused": 0, "untried": 1,
    "unanswered": 3, "missing": 2, "missed": 0, "users": 20, "disconnected_users": 5,
    "disconnected_s": 6.25, "longest_s": 2.5,
}  # fmt: skip
FAULT = {
    "id": "crash", "kind": "kill", "target": "edge", "effective_at_s": 10.0, "healed_at_s": 12.0,
    "recovered_at_s": 12.5, "recovery_ms": 500.0, "recovery_unknown": "", "failed": "",
    "proof": {"edge-1": {"pid": 71, "process": "gone"}}, "exposure": None,
    "noticed_at_s": 10.2, "reconnected_at_s": 12.3, "drained_at_s": None, "cost": COST,
}  # fmt: skip


def card(witnesses=(), **changes):
    result = {
        "faults": [{**FAULT, **changes}],
        "windows": [],
        "checks": [{"id": "lost-acked", "witnesses": list(witnesses)}],
    }
    found = recovery.context(SimpleNamespace(result=result, pictures={}))
    return found["cards"][0]


def steps(**changes):
    return [(step["value"], step["note"]) for step in card(**changes)["steps"]]


def test_the_steps_of_a_failover_count_from_the_effect_and_the_recovery_from_the_heal():
    assert steps() == [
        ("200 ms", "after its effect"),
        ("2.3 s", "after its effect"),
        ("–", "no message was late"),
        ("500 ms", "after the heal"),
    ]


def test_clients_may_notice_a_fault_before_its_proof():
    assert steps(noticed_at_s=9.9)[0] == ("100 ms", "before its proof")


def test_what_never_ended_is_said():
    found = steps(reconnected_at_s="inf", recovery_ms="inf")
    assert found[1] == ("never", "while the load went on")
    assert found[3] == ("never", "in the time allowed")


def test_a_result_of_an_older_version_has_a_recovery_only():
    old = {key: value for key, value in FAULT.items() if not key.endswith(("_at_s", "cost"))}
    old |= {"effective_at_s": 10.0, "healed_at_s": 12.0, "recovered_at_s": 12.5}
    result = {"faults": [old], "windows": [], "checks": []}
    (found,) = recovery.context(SimpleNamespace(result=result, pictures={}))["cards"]
    assert [step["name"] for step in found["steps"]] == ["SLA regained"]
    assert found["cost"] == []


def test_the_cost_is_stated_in_messages_and_in_users():
    messages, users = card()["cost"]
    assert messages == (
        "Of 300 messages, 12 acknowledgements and 40 deliveries came late; "
        "1 send was never attempted; "
        "3 sends were never answered; 2 deliveries never came."
    )
    assert users == "5 of 20 users lost their connection, for 6.25 s in all, 2.5 s at most."


def test_a_result_of_an_older_version_counts_no_untried_sends():
    old = {key: value for key, value in COST.items() if key != "untried"}
    assert "attempted" not in card(cost=old)["cost"][0]


def test_a_fault_that_cost_nothing_says_so():
    free = dict.fromkeys(COST, 0) | {"messages": 300, "users": 20}
    assert card(cost=free)["cost"] == [
        "None of 300 messages was late.",
        "None of 20 users lost their connection.",
    ]
    assert steps(recovery_ms=0.0)[3] == ("at once", "after the heal")


def test_a_proof_is_readable_and_complete():
    found = card()
    assert found["proof"] == ["edge-1: pid 71, process gone"]
    assert '"pid": 71' in found["all_proof"]
    assert [len(line) for line in card(proof={"x": "y" * 999})["proof"]] == [
        recovery.PROOF_LENGTH_MAX + 1
    ]
    assert (card(proof={})["proof"], card(proof={})["all_proof"]) == ([], "")
    assert card(proof="seen by the operator")["proof"] == ["seen by the operator"]


def test_a_proof_has_a_line_for_each_link_and_moment():
    before = {"sent": 80, "received": 12, "first_ms": 1.234, "ended": "answered"}
    during = before | {"first_ms": 202.5}
    links = [f"client>gateway-{number}" for number in (1, 2)]
    proof = {"before": dict.fromkeys(links, before), "during": dict.fromkeys(links, during)}
    assert card(proof=proof)["proof"] == [
        "before, client>gateway-1: sent 80, received 12, first 1.23 ms, ended answered",
        "before, client>gateway-2: sent 80, received 12, first 1.23 ms, ended answered",
        "during, client>gateway-1: sent 80, received 12, first 202 ms, ended answered",
        "during, client>gateway-2: sent 80, received 12, first 202 ms, ended answered",
    ]


def test_the_lines_of_a_proof_are_limited():
    most = recovery.PROOF_LINES_MAX
    lines = card(proof={f"edge-{number}": "gone" for number in range(most + 3)})["proof"]
    assert lines[most - 1 :] == [f"edge-{most - 1}: gone", "and 3 more, below"]
    assert len(card(proof={f"edge-{n}": "gone" for n in range(most + 1)})["proof"]) == most + 1


@pytest.mark.parametrize(
    ("changes", "tone"),
    [
        ({}, "valid"),
        ({"recovery_ms": "inf"}, "invalid"),
        ({"failed": "x"}, "invalid"),
        ({"recovery_ms": None, "recovery_unknown": "y"}, "unknown"),
        ({"witnesses": [{"sentence": "z", "at_s": 11.0}]}, "invalid"),
    ],
)
def test_a_card_shows_whether_anything_went_wrong(changes, tone):
    assert card(**changes)["tone"] == tone


def test_violations_are_listed_with_the_place_of_their_evidence():
    (found,) = card(witnesses=[{"sentence": "z", "at_s": 11.0}])["violations"]
    assert (found["anchor"], found["relation"]) == ("witness-0-lost-acked", "while it acted")
