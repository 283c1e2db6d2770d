"""The failure table: its scenarios exist, are short, and run on the stacks that it names."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from gauntlet.chaos.faults.targets import StackPlan, links_to_proxy
from gauntlet.cli import main
from gauntlet.cli.listing import failure_table
from gauntlet.cli.listing.failure_table import BOTH, EMBEDDED, FULL, TABLE
from gauntlet.core.errors import Exit
from gauntlet.reference_server.cluster.topology.plan import ClusterRequest, make_plan
from gauntlet.scenarios import library

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "failure-table.md"
LINES = [shown for row in TABLE for shown in row.demonstrations]


def plan_of(stack, scenario):
    """Return what the cluster would run for a scenario on a stack."""
    ports = iter(range(1, 1000))
    request = ClusterRequest(stack, "data", "logs", layout=scenario.target.layout)
    plan = make_plan(request, lambda: next(ports))
    components = [{"name": component.name, "role": component.role} for component in plan.components]
    return StackPlan.from_cluster(
        components, [SimpleNamespace(**fields_of(link)) for link in plan.links]
    )


def fields_of(link):
    """Return the fields of a planned link."""
    return {name: getattr(link, name) for name in ("name", "source", "component", "kind")}


def test_every_row_has_scenarios_and_no_scenario_is_in_two_rows():
    assert all(row.demonstrations for row in TABLE)
    assert len({shown.scenario for shown in LINES}) == len(LINES)


@pytest.mark.parametrize("shown", LINES, ids=lambda shown: shown.scenario)
def test_scenarios_of_the_table_exist_and_take_at_most_a_minute(shown):
    scenario = library.find(shown.scenario)
    assert scenario.load.duration_s <= 60
    assert scenario.target.stack in shown.stacks


@pytest.mark.parametrize(
    ("shown", "stack"), [(shown, stack) for shown in LINES for stack in shown.stacks], ids=str
)
def test_the_targets_of_a_scenario_exist_on_its_stacks(shown, stack):
    scenario = library.find(shown.scenario)
    links_to_proxy(scenario.faults, plan_of(stack, scenario), "needed")


@pytest.mark.parametrize(
    ("shown", "stack"),
    [(shown, stack) for shown in LINES for stack in {*BOTH} - {*shown.stacks}],
    ids=str,
)
def test_a_scenario_is_refused_on_a_stack_that_lacks_what_it_breaks(shown, stack, capsys):
    assert main.main(["run", shown.scenario, "--stack", stack]) == Exit.CONFIG
    assert "faults[0]" in capsys.readouterr().err


def test_the_reference_page_contains_the_table():
    assert failure_table.markdown() in PAGE.read_text()


def test_names_are_printed_one_per_line_without_those_of_other_stacks(capsys):
    assert main.main(["list", "--failure-table", "--names"]) == Exit.OK
    assert capsys.readouterr().out.split("\n")[:-1] == failure_table.names()
    assert main.main(["list", "--failure-table", "--names", "--stack", "embedded"]) == Exit.OK
    embedded = capsys.readouterr().out.split()
    assert set(failure_table.names(FULL)) - set(embedded) == {
        "messages-db-failover",
        "broker-blocked",
    }
    assert failure_table.names(EMBEDDED) == embedded


def test_the_table_is_printed_with_rows_scenarios_and_stacks(capsys):
    assert main.main(["list", "--failure-table"]) == Exit.OK
    text = capsys.readouterr().out
    assert all(row.broken in text and row.must_happen in text for row in TABLE)
    assert "messages-db-failover full\n" in text
    assert main.main(["list", "--stack", "full"]) == Exit.CONFIG
