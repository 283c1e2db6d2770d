"""disk-full, disk-read-only, disk-slow-fsync and disk-error, on a real disk."""

import dataclasses

import pytest

from gauntlet.chaos.disks import mounting
from gauntlet.chaos.disks.condition import Condition
from gauntlet.chaos.disks.disk import Disk
from gauntlet.chaos.faults import FAULTS, _disk_fault
from gauntlet.chaos.faults.base import FaultFailed
from gauntlet.core.errors import RollbackError

pytestmark = pytest.mark.integration

CASES = [
    ("disk-full", {}, {"failed": "open", "error": "ENOSPC"}),
    ("disk-read-only", {}, {"failed": "open", "error": "EROFS"}),
    ("disk-slow-fsync", {"delay": "150ms"}, None),
    ("disk-error", {}, {"failed": "open", "error": "EIO"}),
    ("disk-error", {"calls": "sync"}, {"failed": "sync", "error": "EIO"}),
    ("disk-error", {"calls": "both"}, {"failed": "open", "error": "EIO"}),
]
KINDS = sorted({kind for kind, _, _ in CASES})


@pytest.fixture
def disk(tmp_path):
    """A mounted disk to which something has been written."""
    if reason := mounting.unavailable():
        pytest.skip(reason)
    for name in ("files", "disk"):
        (tmp_path / name).mkdir()
    mounted = Disk.mount(tmp_path / "files", tmp_path / "disk", tmp_path / "log")
    (mounted.mount_point / "data").write_bytes(b"x")
    yield mounted
    mounted.stop()


@pytest.fixture
def context(stack, disk, monkeypatch):
    """The context of a fault on the message service."""
    monkeypatch.setattr(
        _disk_fault, "verify_running", lambda _, names, **_also: dict.fromkeys(names, "up")
    )
    return dataclasses.replace(stack.context, disks={"message-1": disk})


@pytest.mark.parametrize(("kind", "params", "shown"), CASES)
def test_the_disk_shows_the_fault_until_the_heal(spec, context, disk, kind, params, shown):
    fault = FAULTS[kind](spec(kind, "message", for_=1.0, **params))
    assert fault.inject(context) == {"components": ["message-1"]}
    proof = fault.prove(context)["message-1"]
    assert proof == shown if shown else proof["sync_ms"] >= 150
    for affected in (1, 1):
        healed = fault.heal(context)
        assert healed["affected_calls"] == {"message-1": affected}
        assert (healed["calls_of_the_proof"], healed["started"]) == (1, [])
        assert fault.verify(context) == {"message-1": "up"}
    assert [file.name for file in disk.mount_point.iterdir()] == ["data"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_works_is_no_proof(spec, context, disk, monkeypatch, kind):
    monkeypatch.setattr(_disk_fault, "PROVE_S", 0.0)
    fault = FAULTS[kind](spec(kind, "message", for_=1.0))
    fault.inject(context)
    disk.set(Condition())
    with pytest.raises(FaultFailed, match="do not show the fault"):
        fault.prove(context)


@pytest.mark.parametrize("kind", KINDS)
def test_without_disks_nothing_is_done_and_the_reason_is_recorded(stack, spec, kind):
    context = dataclasses.replace(stack.context, no_disks="/dev/fuse does not exist")
    fault = FAULTS[kind](spec(kind, "message", for_=1.0))
    assert fault.inject(context) == {"unproven": {"reason": "/dev/fuse does not exist"}}
    assert fault.prove(context) == {}
    assert (fault.heal(context), fault.verify(context)) == ({}, {})


def test_a_component_that_never_writes_is_no_target(spec, context, disk, monkeypatch):
    counts = disk.counts()
    counts.writes = 0
    monkeypatch.setattr(disk, "counts", lambda: counts)
    with pytest.raises(FaultFailed, match="wrote nothing to their disk: message-1"):
        FAULTS["disk-full"](spec("disk-full", "message", for_=1.0)).inject(context)


def test_a_component_that_has_ended_is_started(stack, spec, context):
    fault = FAULTS["disk-full"](spec("disk-full", "message", for_=1.0))
    fault.inject(context)
    stack.control.states["message-1"] = "exited"
    assert fault.heal(context)["started"] == ["message-1"]


@pytest.mark.parametrize("state", ["held", "paused"])
def test_a_component_that_another_fault_keeps_down_is_left_to_it(stack, spec, disk, state):
    context = dataclasses.replace(stack.context, disks={"message-1": disk})
    fault = FAULTS["disk-full"](spec("disk-full", "message", for_=1.0))
    fault.inject(context)
    stack.control.states["message-1"] = state
    assert fault.heal(context)["started"] == []
    assert fault.verify(context) == {"message-1": state}


def test_a_disk_that_stays_full_is_not_healed(spec, context, monkeypatch):
    monkeypatch.setattr(_disk_fault, "VERIFY_S", 0.0)
    fault = FAULTS["disk-full"](spec("disk-full", "message", for_=1.0))
    fault.inject(context)
    with pytest.raises(RollbackError, match="the disk of message-1 still refuses"):
        fault.verify(context)
