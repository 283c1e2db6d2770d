"""Which PostgreSQL is used, as which user it runs, and how its data folder is initialised."""

import os
import re
import signal
import sys
from pathlib import Path

import asyncpg
import pytest

from gauntlet import postgres_memory
from gauntlet.reference_server.cluster.engines import postgres
from gauntlet.reference_server.cluster.supervision.component import Component
from gauntlet.reference_server.cluster.supervision.launch_spec import MissingBinaryError
from gauntlet.reference_server.cluster.topology import plan
from gauntlet.reference_server.cluster.topology.errors import StartError
from gauntlet.reference_server.cluster.topology.ports import PortAllocator

from ....dead_postgres import dead_postgres

PASSWORD = "for-tests"


@pytest.fixture
def component(require_service):
    """A messages DB on a free port."""
    require_service("postgres")
    return plan.PlannedComponent("messages-db", "messages-db", plan.POSTGRES, [PortAllocator()()])


def test_a_missing_postgresql_is_reported_with_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "_DEBIAN", tmp_path)
    with pytest.raises(MissingBinaryError, match="apt-get install postgresql"):
        postgres.find()


def test_a_missing_driver_is_reported_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setattr(postgres, "find_spec", lambda _name: None)
    with pytest.raises(MissingBinaryError, match=r"pip install 'im-gauntlet\[postgres\]'"):
        postgres.find()


def test_the_newest_debian_version_is_used_if_none_is_on_path(monkeypatch, tmp_path):
    """Version 15 is newer than 9."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "_DEBIAN", tmp_path)
    for version in ("9", "15"):
        folder = tmp_path / version / "bin"
        folder.mkdir(parents=True)
        for name in ("initdb", "postgres"):
            (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}.1'\n")
            (folder / name).chmod(0o755)
    assert postgres.find().version == "15.1"


def test_root_without_an_unprivileged_user_is_reported_like_a_missing_server(
    monkeypatch, require_service
):
    """Otherwise the start would fail after the plan, with a traceback."""
    require_service("postgres")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(postgres.pwd, "getpwall", list)
    with pytest.raises(MissingBinaryError, match="does not run as root"):
        postgres.find()


def test_root_runs_the_server_as_an_unprivileged_user_that_can_reach_its_folder(
    component, tmp_path
):
    """PostgreSQL does not run as root. A folder that user cannot reach is replaced."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    launch = postgres.launch_spec(component, private, tmp_path / "log", PASSWORD)
    folder = launch.env["HOME"]
    if os.geteuid() != 0:
        assert launch.uid is None
        assert folder == str(private / "messages-db")
        return
    assert launch.uid not in (None, 0)
    assert Path(folder).stat().st_uid == launch.uid
    assert not folder.startswith(str(private))
    launch.clean_up()
    assert not Path(folder).exists()


def test_a_disk_that_the_unprivileged_user_cannot_reach_is_refused(
    component, tmp_path, monkeypatch
):
    """With its data elsewhere, the server would meet no fault of the disk."""
    if os.geteuid() != 0:
        pytest.skip("only root runs the server as another user")
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    monkeypatch.setattr(Path, "is_mount", lambda path: path == private / "messages-db")
    with pytest.raises(StartError, match="cannot reach its disk"):
        postgres.launch_spec(component, private, tmp_path / "log", PASSWORD)


async def test_data_survives_a_kill_and_can_be_read_with_the_password_only(component, tmp_path):
    launch = postgres.launch_spec(component, tmp_path, tmp_path / "log", PASSWORD)
    server = Component(component, launch, lambda *_: None)
    try:
        await server.start()
        initialised_at = Path(launch.argv[2], "PG_VERSION").stat().st_mtime_ns
        await server.kill(signal.SIGKILL)
        await server.start()
        assert Path(launch.argv[2], "PG_VERSION").stat().st_mtime_ns == initialised_at
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(f"postgresql://im:guessed@{component.address}/postgres")
        admin = await asyncpg.connect(f"postgresql://im:{PASSWORD}@{component.address}/postgres")
        await admin.close()
        assert not Path(launch.argv[2]).with_name("password").exists()
    finally:
        await server.stop()
        launch.clean_up()


def shared_memory(pid):
    """The POSIX files and System V segments of a living server, as the kernel lists them."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    files = set(re.findall(r"/dev/shm/(PostgreSQL\.\d+)", maps))
    segments = re.findall(r"(\d+) +/SYSV", maps)
    assert files
    assert segments
    return files | {f"System V segment {number}" for number in segments}


def existing(names):
    """Those of the names that still exist."""
    files = {path.name for path in postgres_memory.FILES.iterdir()}
    segments = {f"System V segment {each.id}" for each in postgres_memory._segments()}
    return names & (files | segments)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists shared memory")
async def test_shared_memory_of_a_killed_server_is_removed_and_not_missed(component, tmp_path):
    launch = postgres.launch_spec(component, tmp_path, tmp_path / "log", PASSWORD)
    data = Path(launch.argv[2])
    server = Component(component, launch, lambda *_: None)
    try:
        first = shared_memory(await server.start())
        assert postgres_memory.remove(data, 0.0) == []
        assert existing(first) == first, "a living server must keep its memory"
        await server.kill(signal.SIGKILL)
        assert existing(first) == first
        assert set(postgres_memory.remove(data)) >= first
        assert not existing(first)
        second = shared_memory(await server.start())
        await server.kill(signal.SIGKILL)
        launch.clean_up()
        assert not existing(second)
    finally:
        await server.stop()
        launch.clean_up()


async def test_an_initdb_that_was_interrupted_leaves_no_shared_memory(
    component, tmp_path, monkeypatch
):
    """Its data folder is deleted, so that the next attempt does not recognise the memory."""
    launch = postgres.launch_spec(component, tmp_path, tmp_path / "log", PASSWORD)
    monkeypatch.setattr(postgres, "USER", "pg_reserved")  # this attempt is to fail early
    with dead_postgres(monkeypatch, tmp_path / "files") as left:
        left.note(Path(launch.argv[2]))
        with pytest.raises(StartError):
            await launch.prepare()
        assert not left.exists
    launch.clean_up()


async def test_a_failed_initdb_is_reported_with_its_log(component, tmp_path, monkeypatch):
    launch = postgres.launch_spec(component, tmp_path, tmp_path / "log", PASSWORD)
    monkeypatch.setattr(postgres, "USER", "pg_reserved")
    with pytest.raises(StartError, match="initdb ended with exit code 1") as caught:
        await launch.prepare()
    launch.clean_up()
    assert "pg_" in " ".join(caught.value.failed()["log_tail"])


def test_fsync_is_never_switched_off(component, tmp_path):
    """An acknowledged message must survive a crash of the machine."""
    launch = postgres.launch_spec(component, tmp_path, tmp_path / "log", PASSWORD)
    launch.clean_up()
    settings = [word.partition("=")[0] for word in launch.argv]  # the path of the data has a name
    assert "fsync" not in settings
    assert "synchronous_commit" not in settings


@pytest.mark.parametrize(("version", "is_set"), [("13.14", False), ("15.6", True)])
def test_after_a_crash_files_are_synced_at_once_where_the_server_can(
    component, tmp_path, monkeypatch, version, is_set
):
    """By default a server syncs each file of each database, which takes long on a slow disk."""
    found = postgres.Binary(postgres.find().path, version)
    monkeypatch.setattr(postgres, "find", lambda: found)
    monkeypatch.setattr(sys, "platform", "linux")
    launch = postgres.launch_spec(component, tmp_path, tmp_path / "log", PASSWORD)
    launch.clean_up()
    assert ("recovery_init_sync_method=syncfs" in launch.argv) is is_set
