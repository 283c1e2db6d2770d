"""cpu-limit, oom-kill and memory-pressure, with a control group of plain files."""

import pytest

from gauntlet.chaos.clients.control_group import ControlGroup
from gauntlet.chaos.faults import _control_group, memory_pressure, oom_kill
from gauntlet.chaos.faults.cpu_limit import CpuLimit
from gauntlet.chaos.faults.memory_pressure import MemoryPressure
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
        group.write("memory.failcnt", 0)
        created.append(group)
        return group

    monkeypatch.setattr(_control_group, "PROVE_S", 0.0)
    monkeypatch.setattr(ControlGroup, "create", create)
    monkeypatch.setattr(oom_kill, "process_state", lambda _: "gone")
    for module in (oom_kill, memory_pressure):
        monkeypatch.setattr(module, "verify_running", lambda _, names: dict.fromkeys(names, "up"))
    return created


@pytest.fixture
def squeeze(spec):
    return CpuLimit(spec("cpu-limit", "gateway", for_=1.0, core_percent=2))


@pytest.fixture
def pressure(spec):
    return MemoryPressure(spec("memory-pressure", "gateway", for_=1.0, headroom_kb=64))


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


@pytest.mark.parametrize("name", ["squeeze", "pressure"])
def test_a_group_that_is_left_is_not_healed(stack, request, groups, monkeypatch, name):
    fault = request.getfixturevalue(name)
    fault.inject(stack.context)
    monkeypatch.setattr(Group, "remove", lambda _: None)
    fault.heal(stack.context)
    with pytest.raises(RollbackError, match="still exist"):
        fault.verify(stack.context)


@pytest.mark.parametrize("name", ["squeeze", "pressure"])
def test_a_group_is_journalled_before_it_exists(stack, request, groups, monkeypatch, name):
    """So that it is removed after the death of the harness, too."""
    seen = []
    monkeypatch.setattr(
        stack.rows.__class__, "write", lambda _, kind, **row: seen.append((kind, row["path"]))
    )
    request.getfixturevalue(name).inject(stack.context)
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
        MemoryPressure(spec("memory-pressure", "gateway", for_=1.0, count=2)),
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


def count_hits(group, hits, waiting=1):
    """Write what the kernel counts at the limit; version 1 also counts who waits."""
    if group.version == 1:
        group.write("memory.failcnt", hits)
        group.write("memory.usage_in_bytes", 0)
        group.write("memory.oom_control", f"oom_kill_disable 1\nunder_oom {waiting}")
    else:
        group.write("memory.events", f"low 0\nhigh {hits}\nmax 0")


def limit_of(group):
    return group.read("memory.limit_in_bytes" if group.version == 1 else "memory.high")


def test_a_process_that_waits_for_memory_is_proof_and_the_group_is_removed(stack, pressure, groups):
    injected = pressure.inject(stack.context)
    assert injected == {"components": ["gateway-1"], "limit_bytes": 64_000}
    (group,) = groups
    assert group.read("memory.oom_control") == ("1" if group.version == 1 else "")
    count_hits(group, 3)
    proof = pressure.prove(stack.context)["gateway-1"]
    assert (proof["limit_bytes"], proof["inside"], proof["limit_hits"]) == ("64000", True, 3)
    for _ in range(2):
        assert pressure.heal(stack.context) == {}
        assert pressure.verify(stack.context) == {"gateway-1": "up"}
    assert not group.path.exists()


@pytest.mark.parametrize(("hits", "procs"), [(0, None), (3, "1")])
def test_memory_that_is_enough_or_a_process_elsewhere_is_no_proof(
    stack, pressure, groups, hits, procs
):
    pressure.inject(stack.context)
    count_hits(groups[0], hits)
    if procs:
        groups[0].write("cgroup.procs", procs)
    assert pressure.prove(stack.context) == {}
    assert pressure.heal(stack.context)["unproven"]["gateway-1"]["limit_hits"] == hits


@pytest.mark.parametrize("groups", [1], indirect=True)
def test_in_version_1_a_limit_that_nothing_waits_for_is_no_proof(stack, pressure, groups):
    """The kernel counts it, too, when it only could not reserve pages in advance."""
    pressure.inject(stack.context)
    count_hits(groups[0], 3, waiting=0)
    assert pressure.prove(stack.context) == {}
    assert pressure.heal(stack.context)["unproven"]["gateway-1"]["held_back"] is False


@pytest.mark.parametrize("groups", [1], indirect=True)
@pytest.mark.parametrize(
    ("used_bytes", "held_back"), [((60_000, 60_000), True), ((59_904, 60_000), False)]
)
def test_in_version_1_a_count_that_grows_without_a_page_left_is_proof(
    stack, pressure, groups, monkeypatch, used_bytes, held_back
):
    """The kernel tries again and again. The last free page may have been taken in between."""
    pressure.inject(stack.context)
    (group,) = groups
    states = []
    for hits, used in zip((3, 4), used_bytes, strict=True):
        count_hits(group, hits, waiting=0)
        group.write("memory.usage_in_bytes", used)
        states.append(pressure._state("gateway-1")["held_back"])
    assert states == [False, held_back]


def test_the_limit_of_memory_is_set_before_the_process_is_moved(
    stack, pressure, groups, monkeypatch
):
    adopted, adopt = [], Group.adopt

    def see(group, pid):
        adopted.append(limit_of(group))
        return adopt(group, pid)

    monkeypatch.setattr(Group, "adopt", see)
    pressure.inject(stack.context)
    assert adopted == ["64000"]


def test_a_kernel_that_has_no_such_limit_leaves_no_group_but_the_reason(
    stack, pressure, groups, monkeypatch
):
    write = Group.write

    def refuse(group, name, value):
        if name in ("memory.oom_control", "memory.high") and value:
            raise StackError(f"{name}: No such file or directory")
        write(group, name, value)

    monkeypatch.setattr(Group, "write", refuse)
    assert "No such file" in pressure.inject(stack.context)["unproven"]["reason"]
    assert pressure.prove(stack.context) == {}
    assert (pressure.heal(stack.context), pressure.verify(stack.context)) == ({}, {})
    assert not groups[0].path.exists()


def test_a_process_that_still_waits_for_memory_is_not_healed(stack, pressure, groups, monkeypatch):
    pressure.inject(stack.context)
    pressure.heal(stack.context)
    monkeypatch.setattr(memory_pressure, "VERIFY_S", 0.0)
    monkeypatch.setattr(_control_group, "process_state", lambda _: "disk-sleep")
    with pytest.raises(RollbackError, match="still wait"):
        pressure.verify(stack.context)


def test_heal_without_inject_does_nothing(stack, squeeze, oom, pressure):
    assert (pressure.heal(stack.context), pressure.verify(stack.context)) == ({}, {})
    assert (squeeze.heal(stack.context), squeeze.verify(stack.context)) == ({}, {})
    assert oom.heal(stack.context) == {"started": []}
