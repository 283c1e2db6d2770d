"""Verdicts when a worker was lost."""

import pytest

from gauntlet.core.scenario.model import Objective
from gauntlet.reports.checks.finding import Outcome, Verdict
from gauntlet.reports.verdict import lost_workers
from gauntlet.reports.verdict.objectives import Judged

LOST = {1: "Worker 1 (h, pid 7) was lost at 3.0 s"}


def verdict(outcome):
    """A check's verdict."""
    return Verdict("lost-acked", outcome, "0 of 10 acknowledged messages are missing.", 10, 0, ())


@pytest.mark.parametrize(
    ("outcome", "becomes"),
    [
        (Outcome.VALID, Outcome.UNKNOWN),
        (Outcome.INVALID, Outcome.INVALID),
        (Outcome.UNKNOWN, Outcome.UNKNOWN),
        (Outcome.NOT_APPLICABLE, Outcome.NOT_APPLICABLE),
    ],
)
def test_a_violation_stands_and_a_pass_does_not(outcome, becomes):
    """What the others saw violated is violated; that they saw nothing proves nothing."""
    (found,) = lost_workers.downgrade_checks([verdict(outcome)], LOST)
    assert found.outcome is becomes
    assert found.examined == 10
    assert lost_workers.downgrade_checks([verdict(outcome)], {}) == [verdict(outcome)]


def test_a_check_that_knows_only_a_part_says_of_which():
    """The sentence names the worker that is missing."""
    (found,) = lost_workers.downgrade_checks([verdict(Outcome.VALID)], LOST)
    assert found.sentence.startswith(
        "Worker 1 (h, pid 7) was lost at 3.0 s. For the other workers:"
    )


@pytest.mark.parametrize("outcome", [Outcome.VALID, Outcome.INVALID])
def test_a_number_over_a_part_decides_nothing(outcome):
    """Neither a met nor a missed objective: the lost part might have turned it."""
    objective = Objective(id="fast", indicator="ack_p99_ms", op="<", value=5)
    judged = [Judged(objective, outcome, 4.0, 10, "ack_p99_ms is 4 ms.")]
    (found,) = lost_workers.downgrade_objectives(judged, LOST)
    assert (found.outcome, found.value) == (Outcome.UNKNOWN, 4.0)
    assert found.unknown == LOST[1]
    assert lost_workers.downgrade_objectives(judged, {}) == judged
