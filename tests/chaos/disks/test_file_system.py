"""A mounted disk behaves as the folder behind it, until its condition says otherwise."""

import errno
import mmap
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from gauntlet.chaos.disks.condition import Condition
from gauntlet.core.errors import StackError

pytestmark = pytest.mark.integration
OFF = Condition(power=False)


def write(path, content, *, sync=False):
    """Write a file, and sync it if that is wanted."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        if sync:
            os.fsync(file.fileno())


def names_in(folder):
    """The names of the files in a folder."""
    return {file.name for file in folder.iterdir()}


def refused(action):
    """The number of the error with which an action is refused."""
    with pytest.raises(OSError) as failed:  # noqa: PT011  # the number is what the test compares
        action()
    return failed.value.errno


def lose(disk):
    """Cut the power, and switch it on again."""
    disk.disk.set(OFF)
    lost = disk.disk.lose(0.0, seed=1)
    disk.disk.set(Condition())
    return lost


def test_files_and_folders_are_those_behind_it(disk):
    folder = disk.at / "a" / "b"
    folder.mkdir(parents=True)
    write(folder / "f", b"x" * 300_000)
    (folder / "f").chmod(0o640)
    (folder / "f").rename(disk.at / "g")
    (disk.at / "link").symlink_to("g")
    (disk.at / "hard").hardlink_to(disk.at / "g")
    os.truncate(disk.at / "g", 100_001)
    os.utime(disk.at / "g", ns=(5_000_000_007, 6_000_000_008))
    found = (disk.at / "g").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_nlink) == (0o640, 2)
    assert (found.st_atime_ns, found.st_mtime_ns) == (5_000_000_007, 6_000_000_008)
    folder.rmdir()
    assert names_in(disk.at) == names_in(disk.files) == {"a", "g", "hard", "link"}
    assert (disk.at / "link").read_bytes() == (disk.files / "g").read_bytes() == b"x" * 100_001
    assert str((disk.at / "link").readlink()) == "g"
    assert refused((disk.at / "none").read_bytes) == errno.ENOENT
    (disk.at / "hard").unlink()
    assert (disk.files / "g").stat().st_nlink == 1


def test_a_folder_of_many_files_is_listed_completely(disk):
    names = {f"file-{number:04}-{'x' * 60}" for number in range(1000)}
    for name in names:
        (disk.at / name).touch()
    assert names_in(disk.at) == names


def test_appends_and_reads_of_several_processes_agree(disk):
    file = disk.at / "log"
    code = "import sys; f = open(sys.argv[1], 'ab', 0); [f.write(b'0123456789') for _ in range(99)]"
    writers = [subprocess.Popen([sys.executable, "-S", "-c", code, str(file)]) for _ in range(2)]
    assert [writer.wait(30) for writer in writers] == [0, 0]
    assert file.read_bytes() == b"0123456789" * 198


def test_what_was_not_synced_is_gone(disk):
    write(disk.at / "synced", b"kept", sync=True)
    write(disk.at / "unsynced", b"lost")
    with (disk.at / "synced").open("ab") as file:
        file.write(b" and more")
    assert (disk.at / "synced").read_bytes() == b"kept and more"
    assert lose(disk)["files"] == 2
    assert (disk.at / "synced").read_bytes() == b"kept"
    assert (disk.at / "unsynced").read_bytes() == b""


def test_what_was_changed_by_mmap_and_not_synced_is_gone(disk):
    write(disk.at / "f", b"a" * 8192, sync=True)
    with (disk.at / "f").open("r+b") as file, mmap.mmap(file.fileno(), 8192) as mapped:
        mapped[:4] = b"kept"
        mapped.flush()
        os.fsync(file.fileno())
        mapped[4:8] = b"lost"  # written when the file is closed
    lose(disk)
    assert (disk.at / "f").read_bytes()[:8] == b"kept" + b"aaaa"


def test_a_file_that_replaces_another_one_is_durable(disk):
    write(disk.at / "f", b"old", sync=True)
    write(disk.at / "new", b"new")
    (disk.at / "new").replace(disk.at / "f")
    lose(disk)
    assert (disk.at / "f").read_bytes() == b"new"


def test_what_was_written_before_a_flush_is_durable(disk):
    write(disk.at / "f", b"content")
    disk.disk.flush()
    assert lose(disk)["files"] == 0
    assert (disk.at / "f").read_bytes() == b"content"


@pytest.mark.parametrize(("synchronous", "rows"), [("FULL", 20), ("OFF", 0)])
def test_sqlite_keeps_its_commits_if_it_syncs_them(disk, synchronous, rows):
    code = f"""
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode = WAL")
db.execute("CREATE TABLE t (x)")
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
db.execute("PRAGMA synchronous = {synchronous}")
for number in range(20):
    db.execute("INSERT INTO t VALUES (?)", (number,))
os._exit(0)
"""
    subprocess.run([sys.executable, "-S", "-c", code, disk.at / "a.db"], check=True)
    lose(disk)
    with closing(sqlite3.connect(disk.at / "a.db")) as db:
        assert db.execute("SELECT count(*) FROM t").fetchone() == (rows,)


def test_without_power_nothing_is_served(disk):
    write(disk.at / "f", b"x")
    with (disk.at / "f").open("r+b", buffering=0) as file:
        disk.disk.set(OFF)
        assert refused(lambda: file.write(b"y")) == errno.EIO
        assert refused(lambda: os.fsync(file.fileno())) == errno.EIO
        assert refused(lambda: write(disk.at / "g", b"x")) == errno.EIO
        disk.disk.set(Condition())
        assert file.write(b"y") == 1


def test_a_full_disk_refuses_new_content_and_nothing_else(disk):
    write(disk.at / "f", b"x")
    disk.disk.set(Condition(full=True))
    assert refused(lambda: write(disk.at / "f", b"y")) == errno.ENOSPC
    assert refused((disk.at / "g").touch) == errno.ENOSPC
    assert os.statvfs(disk.at).f_bavail == 0
    (disk.at / "f").unlink()
    disk.disk.set(Condition())
    write(disk.at / "f", b"z", sync=True)
    assert (disk.at / "f").read_bytes() == b"z"


def test_a_read_only_disk_refuses_every_change(disk):
    write(disk.at / "f", b"x")
    disk.disk.set(Condition(read_only=True))
    for change in (
        lambda: write(disk.at / "g", b"y"),
        (disk.at / "f").unlink,
        lambda: (disk.at / "f").chmod(0o600),
        lambda: (disk.at / "f").rename(disk.at / "g"),
        lambda: (disk.at / "f").open("r+b"),
        (disk.at / "d").mkdir,
    ):
        assert refused(change) == errno.EROFS
    assert (disk.at / "f").read_bytes() == b"x"


def test_only_syncs_are_delayed(disk):
    disk.disk.set(Condition(sync_delay_s=1.0))
    write(disk.at / "f", b"x")
    assert disk.disk.counts().delayed == 0
    started_s = time.monotonic()
    write(disk.at / "f", b"y", sync=True)
    assert time.monotonic() - started_s >= 1.0
    assert disk.disk.counts().delayed == 1


def sync_folder(folder):
    """Sync a folder, as programs do after they have created a file in it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def test_syncs_of_folders_are_delayed_and_fail_as_those_of_files_do(disk):
    sync_folder(disk.at)
    disk.disk.set(Condition(sync_delay_s=0.2))
    started_s = time.monotonic()
    sync_folder(disk.at)
    assert time.monotonic() - started_s >= 0.2
    disk.disk.set(Condition(failing=("sync",)))
    assert refused(lambda: sync_folder(disk.at)) == errno.EIO


def test_a_delayed_sync_goes_on_when_the_condition_changes(disk):
    disk.disk.set(Condition(sync_delay_s=60.0))
    writer = threading.Thread(target=write, args=(disk.at / "f", b"x"), kwargs={"sync": True})
    writer.start()
    time.sleep(0.3)
    assert writer.is_alive()
    disk.disk.set(Condition())
    writer.join(30)
    assert not writer.is_alive()


@pytest.mark.parametrize("call", ["write", "sync"])
def test_only_the_chosen_calls_fail(disk, call):
    disk.disk.set(Condition(failing=(call,)))
    with (disk.at / "f").open("w") if call == "sync" else (disk.files / "f").open("w"):
        pass
    with (disk.at / "f").open("r+b", buffering=0) as file:
        actions = {"write": lambda: file.write(b"x"), "sync": lambda: os.fsync(file.fileno())}
        assert refused(actions.pop(call)) == errno.EIO
        for allowed in actions.values():
            allowed()
    assert disk.disk.counts().refused == 1


def test_an_unknown_command_is_an_error(disk):
    with pytest.raises(StackError, match="no command"):
        disk.disk._command({"do": "explode"})
    assert disk.disk.counts().opens == 0
