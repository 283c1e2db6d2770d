"""power-loss, on a fake stack whose message service has a real disk."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gauntlet.chaos.disks import mounting
from gauntlet.chaos.disks.disk import Disk
from gauntlet.chaos.faults import power_loss
from gauntlet.chaos.faults.base import FaultFailed, poll
from gauntlet.chaos.faults.power_loss import PowerLoss

pytestmark = pytest.mark.integration


@pytest.fixture
def disk(tmp_path):
    """A mounted disk with a file that has 5 synced bytes and 4 others."""
    if reason := mounting.unavailable():
        pytest.skip(reason)
    for name in ("files", "disk"):
        (tmp_path / name).mkdir()
    mounted = Disk.mount(tmp_path / "files", tmp_path / "disk", tmp_path / "log")
    with (tmp_path / "disk/data").open("wb", buffering=0) as file:
        file.write(b"12345")
        os.fsync(file.fileno())
        file.write(b"6789")
    yield mounted
    mounted.stop()


@pytest.fixture
def context(stack, disk, monkeypatch):
    """The context of a fault on the message service, whose process is always stopped."""
    monkeypatch.setattr(power_loss, "_is_stopped", lambda _: True)
    monkeypatch.setattr(power_loss, "verify_running", lambda _, names: dict.fromkeys(names, "up"))
    return dataclasses.replace(stack.context, disks={"message-1": disk})


def test_what_was_not_synced_is_gone_and_the_service_is_started_again(stack, spec, context, disk):
    fault = PowerLoss(spec("power-loss", "message"))
    detail = fault.inject(context)
    assert detail["components"] == ["message-1"]
    assert detail["lost"]["message-1"]["files"] == 2  # with the file that proves the loss
    assert (disk.mount_point / "data").read_bytes() == b"12345"
    proof = fault.prove(context)["message-1"]
    assert (proof["synced_file"], proof["unsynced_file"]) == ("kept", "lost")
    assert proof["writes"] == 2
    assert [file.name for file in disk.mount_point.iterdir()] == ["data"]
    for started in (["message-1"], []):
        assert fault.heal(context) == {"started": started}
        assert fault.verify(context) == {"message-1": "up"}
    assert [verb for verb, _ in stack.control.calls] == ["pause", "kill", "start"]


def test_a_disk_that_keeps_everything_is_no_proof(spec, context, disk, monkeypatch):
    monkeypatch.setattr(disk, "lose", lambda *_: {"files": 0, "blocks": 0})
    fault = PowerLoss(spec("power-loss", "message"))
    fault.inject(context)
    with pytest.raises(FaultFailed, match="did not lose") as failed:
        fault.prove(context)
    assert failed.value.proof["message-1"]["unsynced_file"] == "kept"
    fault.heal(context)
    assert [file.name for file in disk.mount_point.iterdir()] == ["data"]


def test_a_disk_that_forgets_what_was_synced_is_no_proof(spec, context, disk):
    fault = PowerLoss(spec("power-loss", "message"))
    fault.inject(context)
    (disk.mount_point / ".gauntlet-synced").unlink()
    with pytest.raises(FaultFailed, match="did not lose"):
        fault.prove(context)


def test_a_service_that_writes_elsewhere_is_no_proof(spec, context, disk, monkeypatch):
    counts = disk.counts()
    counts.writes = 0
    monkeypatch.setattr(disk, "counts", lambda: counts)
    fault = PowerLoss(spec("power-loss", "message"))
    fault.inject(context)
    with pytest.raises(FaultFailed, match="message-1 has written nothing to its disk"):
        fault.prove(context)


def test_without_disks_nothing_is_done_and_the_reason_is_recorded(stack, spec):
    context = dataclasses.replace(stack.context, no_disks="/dev/fuse does not exist")
    fault = PowerLoss(spec("power-loss", "message"))
    assert fault.inject(context) == {"unproven": {"reason": "/dev/fuse does not exist"}}
    assert fault.prove(context) == {}
    assert (fault.heal(context), fault.verify(context)) == ({"started": []}, {})
    assert stack.control.calls == []


def test_a_process_that_goes_on_keeps_its_power(stack, spec, context, disk, monkeypatch):
    monkeypatch.setattr(power_loss, "PROVE_S", 0.0)
    monkeypatch.setattr(power_loss, "_is_stopped", lambda _: False)
    fault = PowerLoss(spec("power-loss", "message"))
    with pytest.raises(FaultFailed, match="could not be stopped"):
        fault.inject(context)
    assert (disk.mount_point / "data").read_bytes() == b"123456789"
    stack.control.states["message-1"] = "paused"
    assert fault.heal(context) == {"resumed": ["message-1"], "started": []}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_a_process_is_stopped_only_when_all_its_threads_and_children_are():
    code = (
        "import subprocess, sys, threading, time;"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start();"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)']);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-S", "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        pids, found = (parent.pid, child), []
        try:
            for pid in pids:
                found.append(power_loss._is_stopped(parent.pid))
                os.kill(pid, signal.SIGSTOP)
            assert poll(lambda: power_loss._is_stopped(parent.pid) or None, 10)
            assert found == [False, False]
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
    assert power_loss._is_stopped(parent.pid)


def test_a_component_without_a_disk_is_refused(spec, context):
    with pytest.raises(FaultFailed, match="no disk of their own: gateway-1, gateway-2"):
        PowerLoss(spec("power-loss", "gateway")).inject(context)
