"""Complete judged runs: the server passes every scenario, and each seeded bug fails its own."""

import pytest

from gauntlet.chaos.server_hooks.bugs import BUGS
from gauntlet.cli.listing.failure_table import BOTH, TABLE
from gauntlet.core.errors import Exit
from gauntlet.scenarios.library import all_scenarios

from .judged_run import passes, run_judged

pytestmark = pytest.mark.integration

SERVICES = {
    "embedded": ("redis",),
    "full": ("redis", "postgres", "rabbitmq"),
    "prosody": ("prosody",),
}


# The component that a scenario of the failure table breaks may exist on one stack only.
STACKS_IN_TABLE = {
    demonstration.scenario: demonstration.stacks
    for row in TABLE
    for demonstration in row.demonstrations
}
BUG_RUNS = [
    (name, stack)
    for name, bug in BUGS.items()
    for stack in STACKS_IN_TABLE.get(bug.scenario, BOTH)
    if stack in bug.stacks
]


@pytest.fixture(params=["embedded", pytest.param("full", marks=pytest.mark.ci)])
def stack(request, require_service):
    """The name of each stack whose services are installed."""
    for service in SERVICES[request.param]:
        require_service(service)
    return request.param


@pytest.mark.timeout(400)
def test_the_tour_passes_with_all_faults_proven_and_recovered(stack, tmp_path):
    code, result, output = run_judged(tmp_path, Exit.OK, "tour", "--stack", stack)
    assert passes(code, result), output
    assert len(result["faults"]) == 8
    assert all(fault["proof"] for fault in result["faults"])
    if code == Exit.OK:
        # Between the many faults there may be no moment in which the list of a room is certain.
        checks = {check["id"]: check["verdict"] for check in result["checks"]}
        assert checks.pop("attendance-stale") in ("valid", "not-applicable")
        assert set(checks.values()) == {"valid"}
        assert all(fault["recovered_at_s"] for fault in result["faults"])


@pytest.mark.full
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("bug", "stack"), BUG_RUNS, indirect=["stack"])
def test_each_seeded_bug_fails_its_scenario(bug, stack, tmp_path):
    """The check or objective that names the bug fails; a check also has witnesses."""
    seeded = BUGS[bug]
    code, result, output = run_judged(
        tmp_path, Exit.FAILED, seeded.scenario, "--stack", stack, "--bug", bug
    )
    assert code == Exit.FAILED, output
    judgements = {
        judgement["id"]: judgement for judgement in (*result["checks"], *result["objectives"])
    }
    assert judgements[seeded.caught_by]["verdict"] == "invalid"
    assert judgements[seeded.caught_by].get("witnesses", True)


DEFAULT_STACKS = {scenario.name: scenario.target.stack for scenario in all_scenarios()}
RUNS = [
    (name, stack)
    for name, default in DEFAULT_STACKS.items()
    for stack in STACKS_IN_TABLE.get(name, BOTH if default in BOTH else (default,))
    if name != "tour"
]


@pytest.mark.full
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("name", "stack"), RUNS, indirect=["stack"])
def test_every_scenario_of_the_library_passes(name, stack, traversable_folder):
    """These include all scenarios of the failure table, of which some break disks."""
    folder = traversable_folder / f"{name}-{stack}"
    folder.mkdir()
    code, result, output = run_judged(folder, Exit.OK, name, "--stack", stack)
    assert passes(code, result), output
