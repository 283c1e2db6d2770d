"""A violation stands beside the fault in which it happened."""

import pytest

from gauntlet.reports.render import violations

FAULTS = [
    {"id": "crash", "effective_at_s": 10.0, "healed_at_s": 12.0},
    {"id": "cut", "effective_at_s": 20.0, "healed_at_s": None},
    {"id": "missed", "effective_at_s": None, "healed_at_s": None},
]
WINDOWS = [{"name": "recovery:crash", "to_s": 18.5}]


def result(*times_s):
    witnesses = [{"sentence": f"at {at_s}", "at_s": at_s} for at_s in times_s]
    return {
        "faults": FAULTS,
        "windows": WINDOWS,
        "checks": [{"id": "lost-acked", "witnesses": witnesses}],
    }


@pytest.mark.parametrize(
    ("at_s", "found"),
    [
        (7.9, []),
        (8.1, [("crash", "shortly before it")]),
        (10.0, [("crash", "while it acted")]),
        (12.0, [("crash", "while it acted")]),
        (18.0, [("crash", "during the recovery from it"), ("cut", "shortly before it")]),
        (18.6, [("cut", "shortly before it")]),
        (20.5, [("cut", "while it acted")]),
        (None, []),
    ],
)
def test_a_violation_belongs_to_the_faults_at_its_time(at_s, found):
    assert violations.faults_of({"at_s": at_s}, result()) == found


def test_a_fault_that_acted_is_not_shared_with_one_that_was_near():
    faults = [*FAULTS, {"id": "other", "effective_at_s": 12.5, "healed_at_s": 13.0}]
    together = {**result(), "faults": faults}
    assert violations.faults_of({"at_s": 11.9}, together) == [("crash", "while it acted")]


def test_the_violations_of_a_fault_are_in_the_order_of_time_and_lead_to_their_evidence():
    found = violations.beside(FAULTS[0], result(11.0, 99.0, 10.5))
    assert [(each.at_s, each.anchor) for each in found] == [
        (10.5, "witness-2-lost-acked"),
        (11.0, "witness-0-lost-acked"),
    ]
