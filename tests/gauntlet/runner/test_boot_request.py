"""What the request to boot a stack says about the faults of the scenario."""

from gauntlet.core.run_directory import RunDir
from gauntlet.core.scenario.model import from_builtins
from gauntlet.runner.boot_request import boot_request

PLAIN = {"version": 1, "name": "x", "about": "x", "target": {"stack": "full"}}


def requested(tmp_path, *faults):
    """The request for a scenario with faults of these kinds and targets."""
    plain = [
        {"id": f"f{number}", "kind": kind, "target": target, "at": "5s", "for": "2s"}
        for number, (kind, target) in enumerate(faults)
    ]
    scenario = from_builtins({**PLAIN, "faults": plain})
    return boot_request(scenario, None, tmp_path, RunDir.create(tmp_path, "x", 1))


def test_only_a_failover_asks_for_a_standby(tmp_path):
    faults = [("failover", "registry"), ("kill", "users-db"), ("failover", "messages-db")]
    assert requested(tmp_path, *faults)["standbys"] == ["messages-db", "registry"]


def test_without_one_there_is_none(tmp_path):
    assert "standbys" not in requested(tmp_path, ("kill", "messages-db"))


def test_only_another_installation_is_named(tmp_path):
    scenario, run = from_builtins(PLAIN), RunDir.create(tmp_path, "x", 1)
    assert "python" not in boot_request(scenario, None, tmp_path, run)
    assert boot_request(scenario, None, tmp_path, run, "/old/python")["python"] == "/old/python"
