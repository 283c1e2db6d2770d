"""A run is killed in the middle of a fault, and `gauntlet recover` leaves nothing of it."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psutil
import pytest
import yaml

from gauntlet.core.run_directory import read_jsonl
from gauntlet.runner.recovery.identity import RUN_ENV
from gauntlet.stacks.subprocesses import python

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

START_S = 200.0
END_S = 60.0
LATENCY = {"target": "client>edge", "params": {"latency": "300ms"}}
FAULTS = {
    "pause": {"kind": "pause", "target": "edge"},
    "latency": {"kind": "latency", **LATENCY},
    "kill": {"kind": "kill", "target": "registry"},
}


def scenario(stack, fault):
    """A scenario whose fault acts until the test ends."""
    return {
        "version": 1,
        "name": "killed",
        "about": "The harness is killed during a fault.",
        "seed": 1,
        "target": {"stack": stack},
        "load": {"users": 10, "workload": {"direct": 1}, "rate": "20/s", "ramp": "1s",
                 "steady": "400s"},
        "faults": [{"id": "f", "at": "1s", "for": "300s", **fault}],
    }  # fmt: skip


@pytest.fixture
def temporary():
    """The folder of temporary files; PostgreSQL, which is no root, has to reach it."""
    folder = Path(tempfile.mkdtemp(prefix="recovery-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def environment(tmp_path, temporary):
    """The environment of a user with folders of their own."""
    return {
        **os.environ,
        "TMPDIR": str(temporary),
        "GAUNTLET_STATE_DIR": str(tmp_path / "state"),
    }


def start(tmp_path, environment, stack, fault):
    """Start a run, and return its process when the fault acts."""
    file = tmp_path / "killed.yaml"
    file.write_text(yaml.safe_dump(scenario(stack, fault)))
    command = python("gauntlet", "run", str(file), "--plain", "--out", str(tmp_path / "runs"))
    with (tmp_path / "output").open("wb") as output:
        child = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    deadline = time.monotonic() + START_S
    while not acts(tmp_path):
        if child.poll() is not None or time.monotonic() > deadline:
            child.kill()
            child.wait()
            pytest.fail((tmp_path / "output").read_text())
        time.sleep(0.1)
    return child


def acts(tmp_path):
    """Whether the journal says that the fault is effective."""
    files = (tmp_path / "runs").glob("*/events/chaos.jsonl")
    return any(row.get("step") == "effective" for file in files for row in read_jsonl(file))


def recover(environment, *options):
    """Run `gauntlet recover`; return its exit code and its outcomes."""
    command = python("gauntlet", "recover", "--json", *options)
    ended = subprocess.run(command, env=environment, capture_output=True, timeout=300, check=False)
    return ended.returncode, json.loads(ended.stdout)["outcomes"]


def processes_of(run_id):
    """The processes of a run that live."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(RUN_ENV) == run_id:
                found.append(process.cmdline())
        except (psutil.Error, OSError):
            continue
    return found


def assert_nothing_is_left(tmp_path, temporary):
    (directory,) = (tmp_path / "runs").iterdir()
    assert list(temporary.iterdir()) == []
    assert list((tmp_path / "state").iterdir()) == []
    assert processes_of(directory.name) == []


@pytest.mark.ci
@pytest.mark.parametrize("name", FAULTS)
def test_nothing_is_left_after_a_kill_in_the_middle_of_a_fault(
    tmp_path, temporary, environment, name
):
    child = start(tmp_path, environment, "embedded", FAULTS[name])
    child.kill()
    child.wait()
    code, outcomes = recover(environment)
    assert code == 0, outcomes
    assert any("removed" in outcome["text"] for outcome in outcomes)
    assert_nothing_is_left(tmp_path, temporary)
    assert recover(environment) == (0, [])


def test_nothing_is_left_of_a_full_stack(tmp_path, temporary, environment, require_service):
    for service in ("redis", "rabbitmq", "postgres"):
        require_service(service)
    child = start(tmp_path, environment, "full", FAULTS["pause"])
    child.kill()
    child.wait()
    code, outcomes = recover(environment)
    assert code == 0, outcomes
    assert_nothing_is_left(tmp_path, temporary)


def test_a_run_that_goes_on_is_left_alone(tmp_path, temporary, environment):
    """Its journal has an owner."""
    child = start(tmp_path, environment, "embedded", FAULTS["pause"])
    assert recover(environment) == (0, [])
    assert child.poll() is None
    child.terminate()
    child.wait(END_S * 5)
    assert_nothing_is_left(tmp_path, temporary)


def test_nothing_is_left_of_a_killed_server(tmp_path, temporary, environment, require_service):
    """`gauntlet serve` has no scenario and no faults, but processes and a folder."""
    require_service("redis")
    command = python("gauntlet", "serve", "--layout", "single")
    child = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE)
    with child:
        lines = iter(child.stdout.readline, b"")
        assert any(b"Ctrl-C" in line for line in lines)
        (run,) = (path.stem for path in (tmp_path / "state").glob("*.jsonl"))
        assert processes_of(run)
        child.kill()
    code, outcomes = recover(environment)
    assert code == 0, outcomes
    assert list(temporary.iterdir()) == list((tmp_path / "state").iterdir()) == []
    assert processes_of(run) == []
