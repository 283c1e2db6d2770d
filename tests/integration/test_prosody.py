"""XMPP with a real Prosody: the verdict is correct whether messages are lost or not."""

import json
from pathlib import Path

import pytest
import yaml

from gauntlet.cli import main
from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir
from gauntlet.scenarios.adapters import ADAPTERS

pytestmark = [pytest.mark.integration, pytest.mark.ci]

NOT_APPLICABLE = {
    "wire-order",
    "position",
    "realtime",
    "divergent-order",
    "history-gap",
    "history-order",
    "history-regress",
    "resync-replay",
}


@pytest.fixture
def run(tmp_path, require_service):
    """`run(*faults)` runs a scenario of a few users; returns exit code, run and result."""
    require_service("prosody")

    def run_scenario(*faults, steady="5s", **server):
        scenario = {
            "version": 1, "name": "small", "about": "A few users.",
            "target": {"adapter": "xmpp", "stack": "prosody", "server": server},
            "load": {
                "users": 8, "workload": {"direct": 1}, "rate": "16/s",
                "ramp": "2s", "steady": steady, "lag_budget_ms": 500,
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


def steps(run: RunDir) -> list[str]:
    """Return the steps of the only fault, in order."""
    return [row["step"] for row in run.read_events() if row["kind"] == "fault"]


KILL = {"id": "gone", "kind": "kill", "target": "edge", "at": "4s", "for": "1s"}


def test_a_killed_prosody_loses_its_sessions_but_no_acknowledged_message(run):
    """Checks of positions are not applicable, because XMPP has none."""
    code, directory, result = run(KILL, steady="14s")
    assert code in (Exit.OK, Exit.INCONCLUSIVE), result["verdict"]
    checks = verdicts(result)
    assert {name for name, verdict in checks.items() if verdict == "not-applicable"} == (
        NOT_APPLICABLE
    )
    assert "invalid" not in checks.values()
    assert checks["lost-acked"] == checks["undelivered"] == checks["sender-fifo"] == "valid"
    assert steps(directory) == ["requested", "effective", "heal-requested", "healed"]
    assert result["counts"]["acked"] > 100
    assert result["counts"]["connections"] >= 16  # every session was replaced
    declared = directory.read_manifest()["adapter"]["capabilities"]
    assert set(declared) == ADAPTERS["xmpp"].capabilities
    assert "| order | **C** |" in (directory.path / "grade.md").read_text()
    # Judging the run again, without adapter and server, gives the same result.
    before = directory.result.read_bytes()
    main.main(["judge", str(directory.path)])
    assert directory.result.read_bytes() == before


@pytest.mark.full
def test_a_prosody_with_its_archive_in_memory_fails_with_evidence(run):
    """The messages that were acknowledged before the kill are lost."""
    code, _, result = run(KILL, steady="14s", storage="memory")
    assert code == Exit.FAILED
    assert verdicts(result)["lost-acked"] == "invalid"
    (check,) = [check for check in result["checks"] if check["id"] == "lost-acked"]
    witness = check["witnesses"][0]["messages"][0]
    assert {record["event"] for record in witness["records"]} == {
        "op", "attempt", "acked", "presented",
    }  # fmt: skip
    (loss,) = [grade for grade in result["grades"] if grade["aspect"] == "loss"]
    assert loss["grade"] == "F"


@pytest.mark.full
def test_cut_streams_are_resumed(run):
    """Half of the connections are cut, and no client has to read the archive."""
    cut = {
        "id": "cut", "kind": "disconnect", "target": "client>edge", "at": "4s", "for": "1s",
        "params": {"percent": 50},
    }  # fmt: skip
    code, directory, result = run(cut, steady="14s")
    assert code in (Exit.OK, Exit.INCONCLUSIVE), result["verdict"]
    assert "invalid" not in verdicts(result).values()
    assert result["counts"]["connections"] > 8
    assert result["counts"]["resynced"] == 0
    assert json.loads(directory.manifest.read_text())["proxy"]["links"] == ["client>prosody"]


def test_a_load_that_xmpp_cannot_carry_is_refused_before_the_boot(tmp_path, capsys):
    """The message names the missing capability."""
    code = main.main(["run", "group-fanout", "--adapter", "xmpp", "--out", str(tmp_path / "runs")])
    assert code == Exit.CONFIG
    assert "needs what the adapter xmpp does not declare: rooms" in capsys.readouterr().err
    assert not (Path(tmp_path) / "runs").exists()
