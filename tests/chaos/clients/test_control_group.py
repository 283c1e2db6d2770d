"""Control groups: where they are found, and a real one where the system allows it."""

import subprocess
import sys
import time

import pytest

from gauntlet.chaos.clients import control_group
from gauntlet.chaos.clients.control_group import ControlGroup, Hierarchy
from gauntlet.core.errors import StackError

V1 = "29 23 0:25 / {folder}/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
V2 = "30 23 0:26 / {folder}/unified rw - cgroup2 cgroup2 rw\n"


def find(tmp_path, text, controller="cpu"):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(text.format(folder=tmp_path))
    return control_group.find_hierarchy(controller, mounts)


def test_a_controller_is_found_in_version_1(tmp_path):
    assert find(tmp_path, V2 + V1) == Hierarchy(1, tmp_path / "cpu", "/")


def test_a_controller_is_found_in_version_2(tmp_path):
    (tmp_path / "unified").mkdir()
    (tmp_path / "unified/cgroup.controllers").write_text("cpu memory\n")
    assert find(tmp_path, V2) == Hierarchy(2, tmp_path / "unified", "/")


@pytest.mark.parametrize("text", ["", V1, V2])
def test_a_system_without_the_controller_is_refused(tmp_path, text):
    with pytest.raises(StackError, match="no memory controller"):
        find(tmp_path, text, "memory")


def test_in_version_2_the_nearest_group_with_the_controller_is_the_parent(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    for folder, controllers in ((inner, ""), (tmp_path / "a", "cpu memory"), (tmp_path, "cpu")):
        (folder / "cgroup.subtree_control").write_text(controllers)
    hierarchy = Hierarchy(2, tmp_path, "/")
    assert control_group._delegating(inner, hierarchy, "cpu") == tmp_path / "a"
    with pytest.raises(StackError, match="no control group above"):
        control_group._delegating(inner, hierarchy, "io")


def test_a_counter_is_read_by_its_whole_name(tmp_path):
    group = ControlGroup(tmp_path, 1, tmp_path)
    group.write("memory.events", "oom 7\noom_kill 2")
    assert group.counter("memory.events", "oom_kill") == 2
    assert group.counter("memory.events", "kill") == 0


def test_a_value_that_the_kernel_does_not_have_is_named(tmp_path):
    group = ControlGroup(tmp_path / "missing", 1, tmp_path)
    with pytest.raises(StackError, match="No such file"):
        group.write("cpu.max", "1000 100000")


def test_a_real_group_holds_a_process_and_is_removed_with_it_alive():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    announced = []
    try:
        try:
            group = ControlGroup.create("cpu", process.pid, announced.append)
        except StackError as error:
            pytest.skip(str(error))
        assert announced == [group.path]
        assert control_group.NAME.fullmatch(group.path.name)
        assert process.pid in group.adopt(process.pid)
        for _ in range(2):
            group.remove()
        assert not group.path.exists()
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


ALLOCATES = "import sys; sys.stdin.read(1); kept = [bytearray(4096) for _ in range(10_000)]"


def test_a_process_that_waits_for_memory_continues_when_its_group_is_removed():
    """It would wait for ever if it was only moved: the kernel wakes it when the limit changes."""
    command = [sys.executable, "-c", ALLOCATES]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        try:
            group = ControlGroup.create("memory", process.pid, lambda _: None)
            if group.version == 1:
                group.write("memory.oom_control", 1)
                group.write("memory.limit_in_bytes", 65_536)
            else:
                group.write("memory.high", 65_536)
            group.adopt(process.pid)
            process.stdin.write(b"x")
            process.stdin.flush()
            while not limit_hits(group):
                time.sleep(0.01)
            group.remove()
            assert process.wait(30) == 0
        except StackError as error:
            pytest.skip(str(error))
        finally:
            process.kill()


def limit_hits(group):
    """Return how often the processes of a group reached its limit of memory."""
    if group.version == 1:
        return group.counter("memory.oom_control", "under_oom")
    return group.counter("memory.events", "high")


def test_processes_go_to_the_parent_if_the_group_that_they_come_from_is_gone(tmp_path, monkeypatch):
    group = ControlGroup(tmp_path / "group", 1, tmp_path / "gone")
    group.path.mkdir()
    group.write("cgroup.procs", 7)
    moved = []

    def move(pid, to):
        moved.append((pid, to))
        (group.path / "cgroup.procs").unlink()

    monkeypatch.setattr(control_group, "_move", move)
    group.remove()
    assert moved == [(7, tmp_path)]
    assert not group.path.exists()
