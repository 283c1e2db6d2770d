"""A cutover has a card that says how it ended, and why it was rolled back."""

from types import SimpleNamespace

import pytest

from gauntlet.reports.render.sections import cutover

BACK = ("prepare", "verify", "rollback", "rollback", "rolled-back")


def card(states, reason="", end=None, **changes):
    steps = [{"state": state, "at_s": 10.0 + at} for at, state in enumerate(states)]
    result = {"cutovers": [{"id": "green", "steps": steps, "reason": reason, **changes}]}
    fault = {"id": "green", "kind": "cutover", "params": {} if end is None else {"end": end}}
    manifest = {"scenario": {"faults": [fault]}}
    return cutover.context(SimpleNamespace(result=result, manifest=manifest))["cards"][0]


@pytest.mark.parametrize(
    ("states", "reason", "end", "answer", "why", "tone"),
    [
        (("drain", "done"), "", None, "Completed", "", "valid"),
        (BACK, "edge-2: not running", None, "Rolled back", "Because: edge-2: not running.",
         "invalid"),
        (BACK, "requested", "rolled-back", "Rolled back", "Because a rollback was requested.",
         "valid"),
        (BACK, "", "rolled-back", "Rolled back", "The run has no record of the reason.", "valid"),
        (("drain",), "", None, "Did not end", "", "invalid"),
        (("drain", "rollback"), "x", None, "Was being rolled back", "Because: x.", "invalid"),
        (("close", "failed"), "x", None, "Failed", "Because: x.", "invalid"),
    ],
)  # fmt: skip
def test_the_end_of_a_cutover_is_explained(states, reason, end, answer, why, tone):
    found = card(states, reason, end)
    assert (found["answer"], found["why"], found["tone"]) == (answer, why, tone)


def test_an_end_that_the_scenario_does_not_expect_is_said():
    assert card(BACK, "x")["expected"] == "although the scenario expects it to complete"
    unexpected = card(("drain", "done"), end="rolled-back")["expected"]
    assert unexpected == "although the scenario expects it to be rolled back"
    assert card(("drain", "done"))["expected"] == "as the scenario expects"


def test_each_state_has_its_length_and_commands_of_one_state_are_one_row():
    rows = card(BACK)["rows"]
    assert [(row["state"], row["took"]) for row in rows] == [
        ("prepare", "1 s"),
        ("verify", "1 s"),
        ("rollback", "2 s"),
        ("rolled-back", ""),
    ]


def test_a_result_of_an_older_version_has_no_reason():
    steps = [{"state": "rolled-back", "at_s": 3.0}]
    page = SimpleNamespace(result={"cutovers": [{"id": "x", "steps": steps}]}, manifest={})
    (found,) = cutover.context(page)["cards"]
    assert found["why"] == "The run has no record of the reason."
    assert found["tone"] == "unknown"
