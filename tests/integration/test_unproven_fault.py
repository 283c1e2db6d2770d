"""A whole run whose fault does not act: nothing fails, and nothing has been shown."""

import json

import pytest

from gauntlet.core.errors import Exit

from .judged_run import run_judged

pytestmark = [pytest.mark.integration, pytest.mark.ci, pytest.mark.timeout(240)]

# Pieces of 64 KiB are larger than anything that clients and gateways send each other.
SCENARIO = {
    "version": 1,
    "name": "unproven",
    "about": "A fault that is too weak to be seen.",
    "target": {"server": {"ping_ms": 2_000, "pong_ms": 1_000}},
    "load": {
        "users": 8, "workload": {"direct": 1}, "rate": "20/s",
        "ramp": "2s", "steady": "8s", "lag_budget_ms": 500,
    },
    "faults": [
        {"id": "crumbs", "kind": "slicer", "target": "edge>message", "at": "3s", "for": "3s",
         "params": {"bytes": 65_536, "delay": "1ms"}},
    ],
    "recovery_window": "4s",
}  # fmt: skip


def test_a_fault_that_does_not_act_makes_the_run_inconclusive(tmp_path, require_service):
    require_service("redis")
    (tmp_path / "s.yaml").write_text(json.dumps(SCENARIO))
    code, result, output = run_judged(tmp_path, Exit.INCONCLUSIVE, "s.yaml")
    assert code == Exit.INCONCLUSIVE, output
    assert result["verdict"]["status"] == "inconclusive"
    assert any("crumbs" in reason for reason in result["verdict"]["reasons"]), result["verdict"]
    (fault,) = result["faults"]
    assert fault["proof"] == {}
    assert not fault["exposed"]
    assert fault["healed_at_s"] is not None
    assert "invalid" not in {check["verdict"] for check in result["checks"]}
