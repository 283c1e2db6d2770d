"""Verdicts of a run with lost workers."""

import pytest

from gauntlet.core.scenario.model import Objective
from gauntlet.reports.checks.finding import Outcome, Verdict
from gauntlet.reports.verdict import lost_workers
from gauntlet.reports.verdict.objectives import Judged

LOST = {1: "Worker 1 (h, pid 7) was lost at 3.0 s"}


def verdict(outcome):
    """Return a check's verdict."""
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
def test_a_lost_worker_makes_valid_checks_unknown_and_keeps_violations(outcome, becomes):
    (found,) = lost_workers.downgrade_checks([verdict(outcome)], LOST)
    assert found.outcome is becomes
    assert found.examined == 10
    assert lost_workers.downgrade_checks([verdict(outcome)], {}) == [verdict(outcome)]


def test_a_downgraded_check_names_the_lost_worker():
    (found,) = lost_workers.downgrade_checks([verdict(Outcome.VALID)], LOST)
    assert found.sentence.startswith(
        "Worker 1 (h, pid 7) was lost at 3.0 s. For the other workers:"
    )


@pytest.mark.parametrize("outcome", [Outcome.VALID, Outcome.INVALID])
def test_a_lost_worker_makes_every_objective_unknown(outcome):
    """The lost part might have changed the result either way."""
    objective = Objective(id="fast", indicator="ack_p99_ms", op="<", value=5)
    judged = [Judged(objective, outcome, 4.0, 10, "ack_p99_ms is 4 ms.")]
    (found,) = lost_workers.downgrade_objectives(judged, LOST)
    assert (found.outcome, found.value) == (Outcome.UNKNOWN, 4.0)
    assert found.unknown == LOST[1]
    assert lost_workers.downgrade_objectives(judged, {}) == judged
