"""The page on distribution and its Compose file name what there is."""

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from gauntlet.core.scenario.loader import parse

pytestmark = pytest.mark.integration  # starts processes that import Locust

HOWTO = Path(__file__).parent.parent / "docs" / "howto"
COMPOSE = yaml.safe_load((HOWTO / "compose.yaml").read_text())
# In a separate process, because importing Locust patches the interpreter.
PARSE = """
import json, shlex, sys
from locust.argument_parser import get_empty_argument_parser, setup_parser_arguments
from gauntlet.scenarios.locust_plugin import options
parser = get_empty_argument_parser(add_help=False, default_config_files=[])
setup_parser_arguments(parser)
options.add(parser)
program, *arguments = shlex.split(sys.argv[1])
assert program == "locust"
print(json.dumps(vars(parser.parse_args(arguments)), default=str))
"""


def parsed(command):
    """The options of a Locust command line, as Locust itself reads them with ours."""
    told = subprocess.run(
        [sys.executable, "-P", "-c", PARSE, command], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    return SimpleNamespace(**json.loads(told.stdout))


def filled(command):
    """A command with the defaults of its variables."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", command)


def test_the_master_of_the_fleet_waits_for_its_workers_and_judges_a_scenario():
    """Locust takes the command, and it is that of a master."""
    service = COMPOSE["services"]["master"]
    given = parsed(filled(service["command"]))
    assert (given.master, given.headless, given.expect_workers) == (True, True, 4)
    assert given.host.startswith("http://")
    assert f"./{given.scenario}:/load/{given.scenario}:ro" in service["volumes"]
    assert "./runs:/load/runs" in service["volumes"]


def test_a_worker_of_the_fleet_goes_to_the_master():
    """It is told nothing but where the master is: the load travels."""
    given = parsed(COMPOSE["services"]["worker"]["command"])
    assert given.worker
    assert given.master_host in COMPOSE["services"]
    assert "--scenario" not in COMPOSE["services"]["worker"]["command"]


def test_all_of_the_fleet_run_one_build():
    """Another version would be refused."""
    builds = [service["build"] for service in COMPOSE["services"].values()]
    assert all(build == builds[0] for build in builds)
    assert {"master", "worker"} == set(COMPOSE["services"])


def test_the_commands_and_the_scenario_of_the_page_are_valid():
    """Users who copy them can run them."""
    text = (HOWTO / "distribute.md").read_text()
    commands = re.findall(r"^locust .*$", text, re.MULTILINE)
    assert [parsed(command).master for command in commands] == [True, False]
    (scenario,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert parse(scenario, "example").target.allow_hosts == ["im.staging.example"]
    assert all(option in text for option in ("--workers", "--im-folder", "--processes"))
