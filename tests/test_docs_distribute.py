"""The page on distributed load and its Compose file match the code."""

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


def parse_locust(command):
    """Return the options of a Locust command line as Locust itself parses them with ours."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", PARSE, command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(**json.loads(done.stdout))


def with_defaults(command):
    """Replace the variables of a command by their defaults."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", command)


def test_the_composed_master_waits_for_its_workers_and_mounts_its_scenario():
    service = COMPOSE["services"]["master"]
    options = parse_locust(with_defaults(service["command"]))
    assert (options.master, options.headless, options.expect_workers) == (True, True, 4)
    assert options.host.startswith("http://")
    assert f"./{options.scenario}:/load/{options.scenario}:ro" in service["volumes"]
    assert "./runs:/load/runs" in service["volumes"]


def test_a_composed_worker_connects_to_the_master():
    """The master sends it everything else."""
    options = parse_locust(COMPOSE["services"]["worker"]["command"])
    assert options.worker
    assert options.master_host in COMPOSE["services"]
    assert "--scenario" not in COMPOSE["services"]["worker"]["command"]


def test_all_composed_services_use_the_same_build():
    """A master refuses workers with a different version."""
    builds = [service["build"] for service in COMPOSE["services"].values()]
    assert all(build == builds[0] for build in builds)
    assert {"master", "worker"} == set(COMPOSE["services"])


def test_the_commands_and_the_scenario_of_the_page_are_valid():
    text = (HOWTO / "distribute.md").read_text()
    commands = re.findall(r"^locust .*$", text, re.MULTILINE)
    assert [parse_locust(command).master for command in commands] == [True, False]
    (scenario,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert parse(scenario, "example").target.allow_hosts == ["im.staging.example"]
    assert all(option in text for option in ("--workers", "--im-folder", "--processes"))
