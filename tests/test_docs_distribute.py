"""The page on distributed load and its Compose file match the code."""

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario.loader import parse
from gauntlet.stacks.free_port import free_port

from . import cpu_budget
from .scenarios.conftest import distant_peer

__all__ = ["distant_peer"]
# Processes that import Locust take seconds of CPU time each, and may have to wait for it.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(cpu_budget.HANGS_S)]
PARSE_CPU_S, LOAD_CPU_S = 30, 100
END_S = 600.0

ROOT = Path(__file__).parent.parent
HOWTO = ROOT / "docs" / "howto"
PAGE = (HOWTO / "distribute.md").read_text()
ADAPTER = """
from gauntlet.scenarios.adapters.reference import Reference

class Adapter(Reference):
    pass
"""
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
        [sys.executable, "-P", "-c", PARSE, command],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=cpu_budget.limit(PARSE_CPU_S),
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
    assert (options.host, options.num_users, options.run_time) == (None, None, None)
    assert f"./{options.scenario}:/gauntlet/{options.scenario}:ro" in service["volumes"]
    assert "./runs:/gauntlet/runs" in service["volumes"]


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


def commands():
    """Return the commands of the page: that of the master, and that of a worker."""
    return re.findall(r"^ *(locust .*)$", PAGE, re.MULTILINE)


def scenario():
    """Return the scenario of the page."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    return text


def test_the_commands_and_the_scenario_of_the_page_are_valid():
    assert [parse_locust(command).master for command in commands()] == [True, False]
    assert parse(scenario(), "example").target.allow_hosts == ["im.staging.example"]
    assert all(option in PAGE for option in ("--workers", "--im-folder", "--processes"))


class Hosts:
    """Processes that share nothing but the network: each has its own folder and adapter."""

    def __init__(self, folder, url):
        self.folder, self.port, self.children = folder, str(free_port()), {}
        small = {"http://im.staging.example:8080": url, "im.staging.example": "127.0.0.1"}
        small["users: 3000, rate: 3000/s, ramp: 30s, steady: 5m"] = (
            "users: 10, rate: 30/s, ramp: 1s, steady: 3s"
        )
        self.scenario = scenario()
        for old, new in small.items():
            assert old in self.scenario
            self.scenario = self.scenario.replace(old, new)

    def start(self, name, command, adapter=ADAPTER):
        """Follow the steps of the page on a host; return its process."""
        home = self.folder / name
        (home / "srv" / "acme_chat").mkdir(parents=True)
        (home / "srv" / "acme_chat" / "__init__.py").write_text(adapter)
        (home / "locustfile.py").write_text((ROOT / "locustfile.py").read_text())
        command = command.replace("load-master.example", "127.0.0.1")
        role, files = (
            ("bind-port", ()) if "--master " in command else ("port", ("--im-folder", "."))
        )
        command = re.sub(r"--expect-workers \d+", "--expect-workers 2", command)
        assert command.startswith("locust ")
        arguments = [*shlex.split(command)[1:], f"--master-{role}", self.port, *files]
        with (home / "log").open("wb") as log:
            child = subprocess.Popen(
                [sys.executable, "-P", "-m", "locust", *arguments],
                cwd=home,
                env={**os.environ, "PYTHONPATH": str(home / "srv")},
                stdout=log,
                stderr=log,
                preexec_fn=cpu_budget.limit(LOAD_CPU_S),  # noqa: PLW1509  # one call, takes no lock
            )
        self.children[name] = child
        return child

    def log(self, name):
        """Return the output of a process."""
        return (self.folder / name / "log").read_text()


@pytest.fixture
def hosts(tmp_path, distant_peer):
    """Return hosts without processes; the processes that a test starts end with it."""
    started = Hosts(tmp_path, distant_peer.url)
    yield started
    for child in started.children.values():
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        child.wait()


@pytest.mark.ci
def test_the_steps_of_the_page_end_in_one_run_with_a_verdict(hosts):
    """The users, the address and the duration are given only once, in the master's scenario."""
    on_master, on_worker = commands()
    (hosts.folder / "master").mkdir()
    (hosts.folder / "master" / "fleet.yaml").write_text(hosts.scenario)
    master = hosts.start("master", on_master)
    workers = [hosts.start(name, on_worker) for name in ("one", "two")]
    assert master.wait(END_S) == 0, hosts.log("master")
    assert [worker.wait(END_S) for worker in workers] == [0, 0]
    (folder,) = (hosts.folder / "master" / "runs").iterdir()
    result = RunDir.open(folder).read_result()
    assert [worker["state"] for worker in result["workers"]] == ["whole", "whole"]
    counts = result["counts"]
    assert counts["users"] == 10
    assert counts["ops"] + counts["missed"] == 90
    assert counts["acked"] == counts["ops"]


@pytest.mark.ci
def test_workers_with_another_version_of_the_adapter_are_refused(hosts):
    """One has changed code, and one has no adapter; both sides name what differs."""
    on_master, on_worker = commands()
    (hosts.folder / "master").mkdir()
    (hosts.folder / "master" / "fleet.yaml").write_text(hosts.scenario)
    master = hosts.start("master", on_master)
    changed = hosts.start("changed", on_worker, adapter=f"{ADAPTER}    changed = True\n")
    broken = hosts.start("broken", on_worker, adapter="import acme_missing\n")
    assert master.wait(END_S) == 4, hosts.log("master")
    assert (changed.wait(END_S), broken.wait(END_S)) == (4, 4)
    version = r"acme_chat \(code [0-9a-f]{8}\)"
    difference = (
        rf"is refused: it has the adapter acme_chat:Adapter of {version}, the master of {version}\."
    )
    for name in ("changed", "master"):
        assert re.search(difference, hosts.log(name)), hosts.log(name)
    for name in ("broken", "master"):
        assert (
            "cannot be imported (ModuleNotFoundError: No module named 'acme_missing')"
            in hosts.log(name)
        )
