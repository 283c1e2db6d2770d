"""The registry of systems: every cell is a valid scenario with a stack that exists."""

import pytest
import yaml

from gauntlet.campaigns.grades import systems
from gauntlet.core.errors import ConfigError
from gauntlet.core.scenario.catalog import ADAPTER_STACKS
from gauntlet.core.scenario.loader import parse
from gauntlet.stacks import STACKS

CELLS = systems.cells()


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_every_cell_is_a_valid_scenario_of_a_stack_that_exists(cell):
    scenario = parse(yaml.safe_dump(systems.scenario(cell)), cell.name)
    assert scenario.target.stack in STACKS
    assert scenario.target.stack in ADAPTER_STACKS[scenario.target.adapter]
    assert 8 <= scenario.load.steady <= 20
    load_ends_s = scenario.load.ramp + scenario.load.steady
    assert all(fault.ends_s + 10 <= load_ends_s for fault in scenario.faults)


def test_every_system_has_two_configurations_and_all_experiments():
    assert all(len(system.configurations) >= 2 for system in systems.SYSTEMS)
    names = [experiment.name for experiment in systems.EXPERIMENTS]
    assert names == ["steady", "away", "cut", "kill", "slow", "blackhole", "power"]


def test_names_are_unique():
    assert len({cell.name for cell in CELLS}) == len(CELLS)


def test_a_selector_names_a_system_a_configuration_or_a_cell():
    assert systems.chosen([]) == CELLS
    assert {cell.system.name for cell in systems.chosen(["nats"])} == {"nats"}
    assert len(systems.chosen(["nats/core"])) == len(systems.EXPERIMENTS) - 1
    (cell,) = systems.chosen(["nats/core/kill"])
    assert cell.name == "nats/core/kill"


@pytest.mark.parametrize("selector", ["nat", "nats/cor", "nats/core/kill/more", ""])
def test_an_unknown_selector_is_refused(selector):
    with pytest.raises(ConfigError, match="CELL must be SYSTEM"):
        systems.chosen([selector])


def test_the_fault_kill_acts_on_what_the_system_names():
    (cell,) = systems.chosen(["reference/full/kill"])
    (fault,) = systems.scenario(cell)["faults"]
    assert fault["target"] == "message"
    assert systems.scenario(cell)["target"]["stack"] == "full"


def test_power_is_lost_only_where_a_disk_holds_the_messages():
    cells = [cell for cell in CELLS if cell.experiment.name == systems.POWER_LOSS]
    assert {f"{cell.system.name}/{cell.configuration.name}" for cell in cells} == {
        "reference/embedded", "reference/full", "prosody/disk", "ejabberd/disk",
        "mosquitto/qos-1-disk", "mosquitto/qos-2-disk", "nats/jetstream-file",
        "nats/jetstream-fsync", "matrix/disk",
    }  # fmt: skip
    targets = {cell.stack: systems.scenario(cell)["faults"][0]["target"] for cell in cells}
    assert (targets["embedded"], targets["full"], targets["nats"]) == (
        "message", "messages-db", "edge",
    )  # fmt: skip


def test_the_digest_changes_with_the_scenario():
    (cell,) = systems.chosen(["nats/core/kill"])
    other = cell._replace(configuration=cell.configuration._replace(server={"mode": "jetstream"}))
    assert systems.digest(cell) != systems.digest(other)
