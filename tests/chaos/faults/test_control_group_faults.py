"""cpu-limit and oom-kill, with a control group of plain files."""

import pytest

from gauntlet.chaos.clients.control_group import ControlGroup
from gauntlet.chaos.faults import _control_group, oom_kill
from gauntlet.chaos.faults.cpu_limit import CpuLimit
from gauntlet.chaos.faults.oom_kill import OomKill
from gauntlet.core.errors import RollbackError, StackError


class Group(ControlGroup):
    """A group in a folder, to which a test writes what the kernel would count."""

    def adopt(self, pid):
        self.write("cgroup.procs", pid)
        return [pid]

    def remove(self):
        for file in self.path.glob("*"):
            file.unlink()
        if self.path.exists():
            self.path.rmdir()


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def groups(request, tmp_path, monkeypatch):
    """The groups that faults have created, of each version."""
    created = []

    def create(_controller, _pid, announce):
        path = tmp_path / f"gauntlet-{len(created)}"
        announce(path)
        path.mkdir()
        group = Group(path, request.param, tmp_path)
        for name in ("cpu.stat", "memory.oom_control", "memory.events", "cgroup.procs"):
            group.write(name, "")
        created.append(group)
        return group

    monkeypatch.setattr(_control_group, "PROVE_S", 0.0)
    monkeypatch.setattr(ControlGroup, "create", create)
    monkeypatch.setattr(oom_kill, "process_state", lambda _: "gone")
    monkeypatch.setattr(oom_kill, "verify_running", lambda _, names: dict.fromkeys(names, "up"))
    return created


@pytest.fixture
def squeeze(spec):
    return CpuLimit(spec("cpu-limit", "gateway", for_=1.0, core_percent=2))


@pytest.fixture
def oom(spec):
    return OomKill(spec("oom-kill", "gateway"))


def test_a_throttled_process_is_proof_and_the_group_is_removed(stack, squeeze, groups):
    assert squeeze.inject(stack.context) == {"components": ["gateway-1"], "quota_us": 2_000}
    (group,) = groups
    group.write("cpu.stat", "nr_periods 9\nnr_throttled 3")
    proof = squeeze.prove(stack.context)["gateway-1"]
    quota = "2000" if group.version == 1 else "2000 100000"
    assert proof == {"quota": quota, "inside": True, "throttled": 3}
    for _ in range(2):
        assert squeeze.heal(stack.context) == {}
        squeeze.verify(stack.context)
    assert not group.path.exists()


@pytest.mark.parametrize(("throttled", "procs"), [(0, None), (3, "1")])
def test_a_limit_that_is_not_reached_or_misses_the_process_is_no_proof(
    stack, squeeze, groups, throttled, procs
):
    squeeze.inject(stack.context)
    groups[0].write("cpu.stat", f"nr_throttled {throttled}")
    if procs:
        groups[0].write("cgroup.procs", procs)
    assert squeeze.prove(stack.context) == {}
    assert squeeze.heal(stack.context)["unproven"]["gateway-1"]["throttled"] == throttled


def test_a_group_that_is_left_is_not_healed(stack, squeeze, groups, monkeypatch):
    squeeze.inject(stack.context)
    monkeypatch.setattr(Group, "remove", lambda _: None)
    squeeze.heal(stack.context)
    with pytest.raises(RollbackError, match="still exist"):
        squeeze.verify(stack.context)


def test_a_group_is_journalled_before_it_exists(stack, squeeze, groups, monkeypatch):
    """So that it is removed after the death of the harness, too."""
    seen = []
    monkeypatch.setattr(
        stack.rows.__class__, "write", lambda _, kind, **row: seen.append((kind, row["path"]))
    )
    squeeze.inject(stack.context)
    assert seen == [("control-group", str(groups[0].path))]


@pytest.mark.parametrize("allowed", [0, 1])
def test_without_control_groups_there_is_no_proof_but_the_reason(
    stack, spec, groups, monkeypatch, allowed
):
    """The run is then inconclusive, as for other faults that a machine cannot have."""
    create = ControlGroup.create

    def create_some(*arguments):
        if len(groups) == allowed:
            raise StackError("this system has no controller")
        return create(*arguments)

    monkeypatch.setattr(ControlGroup, "create", create_some)
    for fault in (
        CpuLimit(spec("cpu-limit", "gateway", for_=1.0, count=2)),
        OomKill(spec("oom-kill", "gateway", count=2)),
    ):
        groups.clear()
        unproven = {"unproven": {"reason": "this system has no controller"}}
        assert fault.inject(stack.context) == unproven
        assert fault.prove(stack.context) == {}
        assert fault.heal(stack.context) in ({}, {"started": []})
        fault.verify(stack.context)
        assert not [group for group in groups if group.path.exists()]


def test_a_counted_kill_is_proof(stack, oom, groups):
    assert oom.inject(stack.context) == {"components": ["gateway-1"]}
    (group,) = groups
    assert group.read("memory.limit_in_bytes" if group.version == 1 else "memory.max") == "4096"
    group.write("memory.oom_control" if group.version == 1 else "memory.events", "oom_kill 1")
    proof = oom.prove(stack.context)["gateway-1"]
    assert (proof["oom_kills"], proof["process"]) == (1, "gone")
    for _ in range(2):
        assert oom.heal(stack.context) == {"started": []}
        assert oom.verify(stack.context) == {"gateway-1": "up"}
    assert not group.path.exists()


@pytest.mark.parametrize(("kills", "process"), [(0, "gone"), (1, "running")])
def test_a_process_that_the_kernel_did_not_kill_is_no_proof(
    stack, oom, groups, monkeypatch, kills, process
):
    """It may have ended for another reason."""
    monkeypatch.setattr(oom_kill, "process_state", lambda _: process)
    oom.inject(stack.context)
    for name in ("memory.oom_control", "memory.events"):
        groups[0].write(name, f"oom_kill {kills}")
    assert oom.prove(stack.context) == {}
    assert oom.heal(stack.context)["unproven"]["gateway-1"]["oom_kills"] == kills


def test_heal_without_inject_does_nothing(stack, squeeze, oom):
    assert (squeeze.heal(stack.context), squeeze.verify(stack.context)) == ({}, {})
    assert oom.heal(stack.context) == {"started": []}
