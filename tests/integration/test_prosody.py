"""XMPP with a real Prosody: the verdict is correct whether messages are lost or not."""

import json
from pathlib import Path

import pytest

from gauntlet.cli import main
from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir
from gauntlet.scenarios.adapters import ADAPTERS

from .small_runs import CUT, KILL, LOST

pytestmark = [pytest.mark.integration, pytest.mark.ci]

STACK = "prosody"
NOT_APPLICABLE = {
    "wire-order",
    "position",
    "realtime",
    "divergent-order",
    "history-gap",
    "history-order",
    "history-regress",
    "resync-replay",
    "exit",
    "attendance-stale",
    "access",
    "contacts",
    "stickers",
    "timestamps",
    "ack-content",
}


def steps(run: RunDir) -> list[str]:
    """Return the steps of the only fault, in order."""
    return [row["step"] for row in run.read_events() if row["kind"] == "fault"]


def test_a_killed_prosody_loses_its_sessions_but_no_acknowledged_message(run_small):
    """Checks of positions are not applicable, because XMPP has none."""
    run = run_small({}, KILL)
    run.assert_kept()
    checks, directory = run.verdicts, run.directory
    # `late` compares deliveries before the kill, of which such a short run may have too few.
    checks.pop("late")
    assert {name for name, verdict in checks.items() if verdict == "not-applicable"} == (
        NOT_APPLICABLE
    )
    assert checks["lost-acked"] == checks["sender-fifo"] == "valid"
    assert steps(directory) == ["requested", "effective", "heal-requested", "healed"]
    assert run.counts["connections"] >= 16  # every session was replaced
    declared = directory.read_manifest()["adapter"]["capabilities"]
    assert set(declared) == ADAPTERS["xmpp"].capabilities
    assert "| order | **C** |" in (directory.path / "grade.md").read_text()
    # Judging the run again, without adapter and server, gives the same result.
    before = directory.result.read_bytes()
    main.main(["judge", str(directory.path)])
    assert directory.result.read_bytes() == before


@pytest.mark.full
def test_a_prosody_with_its_archive_in_memory_fails_with_evidence(run_small):
    """The messages that were acknowledged before the kill are lost."""
    run = run_small({"storage": "memory"}, KILL)
    run.assert_lost(LOST)
    result = run.result
    (check,) = [check for check in result["checks"] if check["id"] == "lost-acked"]
    witness = check["witnesses"][0]["messages"][0]
    assert {record["event"] for record in witness["records"]} == {
        "op", "attempt", "acked", "presented",
    }  # fmt: skip
    (loss,) = [grade for grade in result["grades"] if grade["aspect"] == "loss"]
    assert loss["grade"] == "F"


@pytest.mark.full
def test_cut_streams_are_resumed(run_small):
    """Half of the connections are cut, and no client has to read the archive."""
    run = run_small({}, {**CUT, "params": {"percent": 50}})
    run.assert_kept()
    assert run.counts["connections"] > 8
    assert run.counts["resynced"] == 0
    assert json.loads(run.directory.manifest.read_text())["proxy"]["links"] == ["client>prosody"]


def test_a_load_that_xmpp_cannot_carry_is_refused_before_the_boot(tmp_path, capsys):
    """The message names the missing capability."""
    code = main.main(["run", "group-fanout", "--adapter", "xmpp", "--out", str(tmp_path / "runs")])
    assert code == Exit.CONFIG
    assert "needs what the adapter xmpp does not declare: rooms" in capsys.readouterr().err
    assert not (Path(tmp_path) / "runs").exists()
