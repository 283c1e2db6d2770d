"""Several runs with the same accounts on one running system: leftovers change no verdict."""

import re
import subprocess
import time

import pytest
import yaml

from gauntlet.core.run_directory import RunDir, read_jsonl
from gauntlet.stacks import subprocesses
from gauntlet.stacks.ejabberd import EjabberdStack
from gauntlet.stacks.mosquitto import MosquittoStack

from .test_external_faults import LAYOUT, gauntlet
from .test_serve import serving

pytestmark = [pytest.mark.integration, pytest.mark.ci, pytest.mark.timeout(240)]

LOAD = {"users": 8, "rate": "16/s", "ramp": "2s", "steady": "6s", "lag_budget_ms": 500}
# Every user leaves within 20 s of the first second, so that about half of them are away after 10 s.
AWAY = {"offline_catchup": {"percent": 100, "at": ["1s"], "offline": "20s"}}


class WithOfflineStorage(EjabberdStack):
    """ejabberd as most servers run it: it also queues the messages of users who are away."""

    def configure(self):
        super().configure()
        with (self.folder / "ejabberd.yml").open("a", encoding="utf-8") as file:
            file.write("  mod_offline: {}\n")


@pytest.fixture
def ejabberd(tmp_path):
    """The URL of a running ejabberd."""
    if not EjabberdStack.program.find():
        pytest.skip("ejabberd is not installed")
    folders = {"data_dir": str(tmp_path / "data"), "log_dir": str(tmp_path)}
    stack = WithOfflineStorage({"config": {}, **folders}, lambda _event: None)
    try:
        yield stack.start({}).api
    finally:
        stack.stop()


@pytest.fixture
def mosquitto(tmp_path):
    """The URL of a running Mosquitto."""
    if not MosquittoStack.program.find():
        pytest.skip("Mosquitto is not installed")
    folders = {"data_dir": str(tmp_path / "data"), "log_dir": str(tmp_path)}
    stack = MosquittoStack({"config": {}, **folders}, lambda _event: None)
    try:
        yield stack.start({}).api
    finally:
        stack.stop()


def write(folder, target, load, **parts):
    """Write a scenario of a system that runs already."""
    whole = {
        "version": 1, "name": "again", "about": "The same accounts.",
        "target": {"stack": "external", **target}, "load": {**LOAD, **load},
        "recovery_window": "5s", **parts,
    }  # fmt: skip
    (folder / "s.yaml").write_text(yaml.safe_dump(whole))


def run(folder):
    """Run the scenario, which must pass; return its result."""
    known = set((folder / "runs").glob("*"))
    gauntlet(folder, "run", "s.yaml", "--plain")
    (path,) = set((folder / "runs").glob("*")) - known
    result = RunDir.open(path).read_result()
    assert result["verdict"]["status"] in ("pass", "warn"), result["verdict"]
    return result


def kill_while_users_are_away(folder):
    """Start the scenario and kill it in its steady phase, so that no user returns."""
    command = subprocesses.python("gauntlet", "run", "s.yaml", "--plain")
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as child:
        deadline = time.monotonic() + 60
        while not any(
            row.get("phase") == "steady"
            for file in (folder / "runs").glob("*/events/*.jsonl")
            for row in read_jsonl(file)
        ):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        time.sleep(10)
        child.kill()
    time.sleep(2)  # the load process ends with it


def test_a_second_run_with_the_same_accounts_finds_the_messages_of_the_first(
    tmp_path, require_service
):
    require_service("redis")
    (tmp_path / "lean.yaml").write_text(LAYOUT)
    with serving(tmp_path, "--layout", "lean.yaml") as (_, text):
        (api,) = re.findall(r"^api +(http://\S+)", text, re.MULTILINE)
        write(tmp_path, {"url": [api]}, {}, accounts={"pattern": "again-{n}"})
        first, second = run(tmp_path), run(tmp_path)
    assert first["leftovers"] == {"pushed": 0, "read": 0, "audited": 0}
    stored = first["counts"]["acked"] + first["counts"]["unknown"]
    assert first["counts"]["acked"] <= second["leftovers"]["audited"] <= stored
    assert second["leftovers"]["read"] > 0
    assert second["counts"]["missing"] == 0
    assert any("leftovers" in caveat for caveat in second["caveats"])


def test_what_ejabberd_has_queued_for_users_who_were_away_is_pushed_as_leftovers(
    tmp_path, ejabberd
):
    target = {"adapter": "xmpp", "url": ejabberd}
    write(tmp_path, target, {"workload": AWAY, "steady": "60s"})
    kill_while_users_are_away(tmp_path)
    write(tmp_path, target, {})
    second, third = run(tmp_path), run(tmp_path)
    for result in (second, third):
        assert {check["verdict"] for check in result["checks"]} <= {"valid", "not-applicable"}
        assert result["leftovers"]["audited"] > 0
        assert result["counts"]["missing"] == 0
    assert second["leftovers"]["pushed"] > 0
    assert third["leftovers"]["pushed"] == 0  # the second run has received them


def test_what_mosquitto_has_queued_in_a_session_is_pushed_as_leftovers(tmp_path, mosquitto):
    """Without `clean_start`, a run takes over the session that the earlier run left."""
    target = {"adapter": "mqtt", "url": mosquitto, "server": {"qos": 1, "clean_start": False}}
    accounts = {"accounts": {"pattern": "again-{n}"}}
    write(tmp_path, target, {"workload": AWAY, "steady": "60s"}, **accounts)
    kill_while_users_are_away(tmp_path)
    write(tmp_path, target, {}, **accounts)
    second, third = run(tmp_path), run(tmp_path)
    for result in (second, third):
        assert {check["verdict"] for check in result["checks"]} <= {"valid", "not-applicable"}
        assert result["counts"]["missing"] == 0
        assert result["counts"]["acked"] == result["counts"]["ops"]
    assert second["leftovers"]["pushed"] > 0
    assert third["leftovers"]["pushed"] == 0  # the second run has received them
