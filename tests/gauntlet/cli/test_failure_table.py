"""The failure table: its scenarios exist, are short, and can act on the stacks it names."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from gauntlet.chaos.faults.targets import StackPlan, links_to_proxy
from gauntlet.cli import failure_table, main
from gauntlet.cli.failure_table import BOTH, EMBEDDED, FULL, TABLE
from gauntlet.core.errors import ConfigError, Exit
from gauntlet.core.scenario import catalog
from gauntlet.reference_server.cluster.topology.plan import ClusterRequest, make_plan
from gauntlet.scenarios import library

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "failure-table.md"
LINES = [shown for row in TABLE for shown in row.demonstrations]


def planned(stack, scenario):
    """What the cluster would run for a scenario on a stack."""
    ports = iter(range(1, 1000))
    request = ClusterRequest(stack, "data", "logs", layout=scenario.target.layout)
    plan = make_plan(request, lambda: next(ports))
    components = [{"name": it.name, "role": it.role} for it in plan.components]
    return StackPlan.from_cluster(
        components, [SimpleNamespace(**vars_of(link)) for link in plan.links]
    )


def vars_of(link):
    """A planned link's fields."""
    return {name: getattr(link, name) for name in ("name", "source", "component", "kind")}


def test_every_row_has_a_scenario_and_no_scenario_stands_twice():
    """No failure is only claimed."""
    assert all(row.demonstrations for row in TABLE)
    assert len({shown.scenario for shown in LINES}) == len(LINES)


@pytest.mark.parametrize("shown", LINES, ids=lambda shown: shown.scenario)
def test_its_scenarios_exist_take_a_minute_and_run_where_it_says(shown):
    """By default on a stack of the table's, and within 60 s."""
    scenario = library.find(shown.scenario)
    assert scenario.load.duration_s <= 60
    assert scenario.target.stack in shown.stacks


@pytest.mark.parametrize("stack", BOTH)
@pytest.mark.parametrize("shown", LINES, ids=lambda shown: shown.scenario)
def test_what_a_scenario_breaks_exists_where_it_says(shown, stack):
    """On its stacks every target is found; on another one the command says what is missing."""
    scenario = library.find(shown.scenario)
    plan = planned(stack, scenario)
    if stack in shown.stacks:
        links_to_proxy(scenario.faults, plan, "needed")
    elif not catalog.FAULTS[scenario.faults[0].kind].stack:  # else refused as it is read
        with pytest.raises(ConfigError, match="matches no component of this stack"):
            links_to_proxy(scenario.faults, plan, "needed")


def test_the_page_holds_the_table():
    """What people read is what is run."""
    assert failure_table.markdown() in PAGE.read_text()


def test_names_alone_are_one_a_line(capsys):
    """For scripts: nothing else is printed, and a stack has only what exists on it."""
    assert main.main(["list", "--failure-table", "--names"]) == Exit.OK
    assert capsys.readouterr().out.split("\n")[:-1] == failure_table.names()
    assert main.main(["list", "--failure-table", "--names", "--stack", "embedded"]) == Exit.OK
    embedded = capsys.readouterr().out.split()
    assert set(failure_table.names(FULL)) - set(embedded) == {
        "messages-db-down", "users-db-down", "broker-blocked",
    }  # fmt: skip
    assert failure_table.names(EMBEDDED) == embedded


def test_the_table_for_people_tells_rows_scenarios_and_stacks(capsys):
    """One block a row."""
    assert main.main(["list", "--failure-table"]) == Exit.OK
    text = capsys.readouterr().out
    assert all(row.broken in text and row.must_happen in text for row in TABLE)
    assert "messages-db-down     full\n" in text
    assert main.main(["list", "--stack", "full"]) == Exit.CONFIG
