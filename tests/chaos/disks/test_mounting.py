"""Whether disks can be mounted here, and what to do about it if they cannot."""

import pytest

from gauntlet.chaos.disks import mounting


def test_a_machine_without_the_device_cannot(tmp_path, monkeypatch):
    monkeypatch.setattr(mounting.sys, "platform", "linux")
    monkeypatch.setattr(mounting, "DEVICE", tmp_path / "fuse")
    assert "does not exist; load the kernel module fuse" in mounting.unavailable()


def test_another_system_than_linux_cannot(monkeypatch):
    monkeypatch.setattr(mounting.sys, "platform", "darwin")
    assert "on Linux only" in mounting.unavailable()


@pytest.mark.parametrize("user", [0, 1000])
def test_a_user_who_may_not_open_the_device_cannot(tmp_path, monkeypatch, user):
    (tmp_path / "fuse").touch()
    monkeypatch.setattr(mounting.sys, "platform", "linux")
    monkeypatch.setattr(mounting, "DEVICE", tmp_path / "fuse")
    monkeypatch.setattr(mounting.os, "geteuid", lambda: user)
    monkeypatch.setattr(mounting.os, "access", lambda *_: False)
    assert "cannot be opened by this user" in mounting.unavailable()


@pytest.mark.parametrize("installed", [True, False])
def test_other_users_than_root_need_a_program(tmp_path, monkeypatch, installed):
    (tmp_path / "fuse").touch()
    monkeypatch.setattr(mounting.sys, "platform", "linux")
    monkeypatch.setattr(mounting, "DEVICE", tmp_path / "fuse")
    monkeypatch.setattr(mounting.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(
        mounting.shutil, "which", lambda name: f"/bin/{name}" if installed else None
    )
    reason = mounting.unavailable()
    assert reason == "" if installed else "apt-get install fuse3" in reason


@pytest.mark.parametrize(("capabilities", "may"), [("000001ffffffffff", True), ("a80425fb", False)])
def test_root_needs_the_capability_to_mount(tmp_path, monkeypatch, capabilities, may):
    (tmp_path / "fuse").touch()
    (tmp_path / "status").write_text(f"Name:\tx\nCapEff:\t{capabilities}\n")
    monkeypatch.setattr(mounting.sys, "platform", "linux")
    monkeypatch.setattr(mounting, "DEVICE", tmp_path / "fuse")
    monkeypatch.setattr(mounting, "_STATUS", tmp_path / "status")
    monkeypatch.setattr(mounting.os, "geteuid", lambda: 0)
    assert mounting.unavailable() == (
        "" if may else "this container may not mount; give it CAP_SYS_ADMIN"
    )


def test_only_disks_of_ours_below_a_folder_are_found(tmp_path, monkeypatch):
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "gauntlet /tmp/a\\040b/disk fuse.gauntlet rw 0 0\n"
        "gauntlet /tmp/other fuse.gauntlet rw 0 0\n"
        "tmpfs /tmp/a\\040b/t tmpfs rw 0 0\n"
    )
    monkeypatch.setattr(mounting, "_MOUNTS", mounts)
    assert mounting.mounted_below(mounting.Path("/tmp/a b")) == ["/tmp/a b/disk"]
    mounts.write_text("gauntlet /tmp/é\\040ü/disk fuse.gauntlet rw 0 0\n")
    assert mounting.mounted_below(mounting.Path("/tmp/é ü")) == ["/tmp/é ü/disk"]
    monkeypatch.setattr(mounting, "_MOUNTS", tmp_path / "none")
    assert mounting.mounted_below(mounting.Path("/")) == []
