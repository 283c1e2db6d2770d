"""Members are removed and added again under load, on the reference server."""

import pytest
import yaml

from gauntlet.cli import main
from gauntlet.core.errors import Exit
from gauntlet.core.run_directory import RunDir

pytestmark = pytest.mark.integration
LOAD = {
    "users": 16, "workload": {"member_changes": {"size": 8, "removals": "12/m", "offline": "3s"}},
    "rate": "30/s", "ramp": "3s", "steady": "15s", "lag_budget_ms": 1000,
}  # fmt: skip


def run(folder, **target):
    """Run the load on a target; return the exit code."""
    file = folder / "changes.yaml"
    scenario = {"version": 1, "name": "changes", "about": "x", "target": target, "load": LOAD}
    file.write_text(yaml.safe_dump(scenario))
    return main.main(["run", str(file), "--plain", "--out", str(folder / "runs")])


def test_nothing_is_lost_and_nobody_reads_what_they_may_not(tmp_path):
    code = run(tmp_path, stack="embedded")
    (path,) = (tmp_path / "runs").iterdir()
    result = RunDir.open(path).read_result()
    verdicts = {check["id"]: check["verdict"] for check in result["checks"]}
    assert "invalid" not in verdicts.values(), result["verdict"]
    assert code in (Exit.OK, Exit.INCONCLUSIVE), result["verdict"]
    assert [verdicts[name] for name in ("undelivered", "misdelivery", "access")] == ["valid"] * 3


def test_an_adapter_without_the_capability_is_refused_before_the_load(tmp_path, capsys):
    code = run(tmp_path, adapter="mqtt", stack="external", url=["ws://127.0.0.1:9"])
    assert code == Exit.CONFIG
    assert "member_changes" in capsys.readouterr().err
