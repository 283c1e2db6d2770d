"""Mosquitto and NATS: the verdict is the one that is known to be true of each configuration."""

import pytest
import yaml

from gauntlet.cli import main
from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir

pytestmark = [pytest.mark.integration, pytest.mark.ci]

PROGRAMS = {"mqtt": ("mosquitto", "mosquitto"), "nats": ("nats", "nats-server")}
KILL = {"id": "gone", "kind": "kill", "target": "edge", "at": "5s", "for": "2s"}
CUT = {"id": "cut", "kind": "disconnect", "target": "client>edge", "at": "5s", "for": "2s"}
AWAY = {"offline_catchup": {"at": ["5s"], "offline": "4s"}}


@pytest.fixture
def run(tmp_path, require_service):
    """`run(adapter, server, faults)` runs a small scenario; returns exit code, run and result."""

    def run_scenario(adapter, server, *faults, workload=None, steady="12s", **load):
        stack, program = PROGRAMS[adapter]
        require_service(program)
        scenario = {
            "version": 1, "name": "small", "about": "A few users.",
            "target": {"adapter": adapter, "stack": stack, "server": server},
            "load": {
                "users": 8, "workload": workload or {"direct": 1}, "rate": "20/s",
                "ramp": "2s", "steady": steady, "lag_budget_ms": 500, **load,
            },
            "faults": list(faults),
            "recovery_window": "10s",
        }  # fmt: skip
        file = tmp_path / "small.yaml"
        file.write_text(yaml.safe_dump(scenario))
        code = main.main(["run", str(file), "--plain", "--out", str(tmp_path / "runs")])
        (folder,) = (tmp_path / "runs").iterdir()
        directory = RunDir.open(folder)
        return code, directory, directory.read_result()

    return run_scenario


def verdicts(result):
    """Return the verdicts of the checks by name."""
    return {check["id"]: check["verdict"] for check in result["checks"]}


def case(name, adapter, server, *, expected=(), slow=False, faults=(), **load):
    """Return one case; `expected` is the check that must be violated."""
    marks = (pytest.mark.full,) if slow else ()
    return pytest.param(adapter, server, faults, load, *expected, id=name, marks=marks)


MQTT_KEEPS = {"qos": 1, "persistent": True}
MQTT_FORGETS = {"qos": 1, "persistence": False}
OWED = {"at_most_once": False}  # judge as a chat whose users expect every message
ROOMS = {"group": {"size": 4}}
UNDELIVERED, LOST = ("undelivered",), ("lost-acked",)
HEALTHY = [
    case("qos-0-steady", "mqtt", {"qos": 0}, slow=True),
    case("qos-0-away-is-not-owed", "mqtt", {"qos": 0}, workload=AWAY, slow=True),
    case("qos-1-away", "mqtt", MQTT_KEEPS, workload=AWAY),
    case("qos-1-cut-over-tcp", "mqtt", MQTT_KEEPS, faults=[CUT], transport="tcp", slow=True),
    case("qos-2-cut", "mqtt", {"qos": 2}, faults=[CUT]),
    case("qos-2-rooms", "mqtt", {"qos": 2}, workload=ROOMS, slow=True),
    case("core-steady", "nats", {"mode": "core"}, slow=True),
    case("core-rooms", "nats", {"mode": "core"}, workload=ROOMS, slow=True),
    case("jetstream-kill", "nats", {}, faults=[KILL]),
    case("jetstream-away", "nats", {}, workload=AWAY, slow=True),
    case("jetstream-cut-over-tcp", "nats", {}, faults=[CUT], transport="tcp", slow=True),
    case("jetstream-rooms", "nats", {"sync_interval": "always"}, workload=ROOMS, slow=True),
]
LOSSY = [
    case("qos-0-away", "mqtt", {"qos": 0, **OWED}, workload=AWAY, expected=UNDELIVERED),
    case("qos-0-cut", "mqtt", {"qos": 0, **OWED}, faults=[CUT], expected=UNDELIVERED, slow=True),
    case("qos-1-memory-kill", "mqtt", MQTT_FORGETS, faults=[KILL], expected=UNDELIVERED),
    case(
        "core-away",
        "nats",
        {"mode": "core", **OWED},
        workload=AWAY,
        expected=UNDELIVERED,
        slow=True,
    ),
    case("core-kill", "nats", {"mode": "core", **OWED}, faults=[KILL], expected=UNDELIVERED),
    case("memory-kill", "nats", {"storage": "memory"}, faults=[KILL], expected=LOST, slow=True),
]


@pytest.mark.parametrize(("adapter", "server", "faults", "load"), HEALTHY)
def test_what_the_system_keeps_is_found_kept(run, adapter, server, faults, load):
    code, directory, result = run(adapter, server, *faults, **load)
    assert "invalid" not in verdicts(result).values(), result["verdict"]
    assert code in (Exit.OK, Exit.INCONCLUSIVE), result["verdict"]
    assert verdicts(result)["undelivered"] == "valid"
    assert result["counts"]["acked"] > 150
    (component,) = directory.read_manifest()["stack"]["components"]
    assert any(digit.isdigit() for digit in component["version"])


@pytest.mark.parametrize(("adapter", "server", "faults", "load", "check"), LOSSY)
def test_what_the_system_loses_is_found_lost(run, adapter, server, faults, load, check):
    code, _, result = run(adapter, server, *faults, **load)
    assert verdicts(result)[check] == "invalid", result["verdict"]
    assert code == Exit.FAILED
