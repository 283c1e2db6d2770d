"""Which components get a disk of their own, and what happens on a machine that has none."""

from types import SimpleNamespace

import pytest

from gauntlet.chaos.disks import disks, mounting
from gauntlet.chaos.faults import disk_targets
from gauntlet.chaos.faults.targets import StackPlan
from gauntlet.core.errors import ConfigError, StackError
from gauntlet.core.scenario.model import Fault
from gauntlet.core.scenario.moments import FixedTime

COMPONENTS = [
    {"name": "message-1", "role": "message", "disk": True},
    {"name": "social-1", "role": "social", "disk": True},
    {"name": "gateway-1", "role": "gateway", "disk": False},
]
PLAN = StackPlan.from_cluster(COMPONENTS, [])


def fault(kind, target):
    """A fault that begins immediately."""
    return Fault(id="f", kind=kind, target=target, at=FixedTime(0))


def test_only_targets_of_faults_on_disks_need_one():
    faults = [fault("power-loss", "message"), fault("kill", "social")]
    assert disk_targets.needed(faults, PLAN, COMPONENTS) == {"message-1"}
    assert disk_targets.needed([fault("observed", "")], PLAN, COMPONENTS) == set()


def test_a_target_without_data_is_refused_with_those_that_have_some():
    with pytest.raises(ConfigError, match="in this stack: message-1, social-1; got gateway-1"):
        disk_targets.needed([fault("power-loss", "gateway")], PLAN, COMPONENTS)


def test_a_machine_without_disks_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(mounting, "unavailable", lambda: "there is no FUSE")
    none = disks.Disks(tmp_path / "log")
    none.mount(["message-1"], tmp_path / "data")
    assert (none.unavailable, none.folders, none.pids) == ("there is no FUSE", {}, [])
    none.settle()
    none.stop()
    assert list(tmp_path.iterdir()) == []


def test_a_mount_that_the_system_refuses_leaves_no_disk(tmp_path, monkeypatch):
    stopped = []

    def mount(_files, mount_point, _log):
        if mount_point.name == "b":
            raise StackError("Permission denied")
        return SimpleNamespace(stop=lambda: stopped.append(mount_point.name))

    monkeypatch.setattr(mounting, "unavailable", lambda: "")
    monkeypatch.setattr(disks.Disk, "mount", mount)
    none = disks.Disks(tmp_path / "log")
    none.mount(["a", "b"], tmp_path / "data")
    assert (none.unavailable, none.folders, stopped) == ("Permission denied", {}, ["a"])
    none.stop()
    assert list(tmp_path.iterdir()) == []


def test_a_scenario_that_needs_no_disk_does_not_ask_for_one(tmp_path, monkeypatch):
    monkeypatch.setattr(mounting, "unavailable", lambda: "there is no FUSE")
    none = disks.Disks(tmp_path / "log")
    none.mount([], tmp_path / "data")
    assert none.unavailable == ""


@pytest.mark.integration
def test_disks_are_mounted_beside_the_data_and_removed_at_the_end(tmp_path):
    if reason := mounting.unavailable():
        pytest.skip(reason)
    mounted = disks.Disks(tmp_path / "log")
    mounted.mount(["b", "a"], tmp_path / "data")
    try:
        assert mounted.folders == {name: str(tmp_path / "data-disks" / name) for name in "ab"}
        assert len(mounting.mounted_below(tmp_path)) == len(set(mounted.pids)) == 2
        (tmp_path / "data-disks" / "a" / "file").write_text("x")
        mounted.settle()
        assert mounted.mounted["a"].lose(0.0, seed=1)["files"] == 0
    finally:
        mounted.stop()
    assert mounting.mounted_below(tmp_path) == []
    assert [file.name for file in tmp_path.iterdir()] == ["log"]
