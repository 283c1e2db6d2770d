"""gauntlet capacity on a real stack: what each component uses is measured in every trial."""

from pathlib import Path

import pytest

from gauntlet.campaigns.capacity import record
from gauntlet.cli import main
from gauntlet.core.errors import Exit

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SMALL = """\
version: 1
name: small
about: A few users.
load: {users: 10, rate: 20/s, ramp: 1s, steady: 5s, lag_budget_ms: 500}
"""
EVERY = {"gateway-1", "gateway-2", "message-1", "room-1", "social-1", "edge-blue-1", "edge-blue-2"}


def test_a_trial_measures_every_component_and_the_database(
    tmp_path, monkeypatch, capsys, require_service
):
    require_service("redis")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(SMALL)
    options = ("--max", "20", "--repeats", "1", "--trials", "2", "--no-unit-costs")
    code = main.main(["capacity", "small.yaml", *options])
    # A busy machine refuses the trial, which is measured nevertheless.
    assert code in (Exit.OK, Exit.INCONCLUSIVE)
    folder = Path(capsys.readouterr().out.splitlines()[-1].removeprefix("capacity-directory: "))
    trial = record.read(folder / record.FILE).trials[0]
    assert trial.run is not None, trial.reason
    assert trial.measured["message"] == pytest.approx(20, rel=0.3)
    assert trial.measured["connection"] == 10
    for resource in ("cpu_s", "memory_bytes"):
        assert {name for name in EVERY if f"{name}/{resource}" in trial.use} == EVERY
    assert trial.use["message-1/cpu_s"] > 0
    assert trial.use["edge-blue-1/memory_bytes"] > 2**20
    assert trial.use["messages-db/database_bytes"] > 0
    assert trial.tiers["edge-blue-1"] == "edge"
