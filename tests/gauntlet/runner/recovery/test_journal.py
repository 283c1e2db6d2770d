"""The journal: what is on disk beforehand, who owns it, and what of a damaged one can be used."""

import os
import subprocess
import sys

import pytest

from gauntlet.core.errors import ConfigError
from gauntlet.runner.recovery import journal
from gauntlet.runner.recovery.identity import identify
from gauntlet.runner.recovery.journal import RecoveryJournal, lock_orphaned, paths

HEAL = {"heal": ["true"], "verify": None, "timeout_s": 1.0, "path": "/run"}
OWNER_THAT_DIES = """
import os, signal, sys
from pathlib import Path
from gauntlet.runner.recovery.journal import RecoveryJournal
journal = RecoveryJournal("killed", Path("/run"))
journal.create_temporary_folder()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A journal of this process, whose temporary folders are in the folder of the test."""
    monkeypatch.setattr(journal.tempfile, "gettempdir", lambda: str(tmp_path))
    mine = RecoveryJournal("mine", tmp_path)
    yield mine
    mine.close()


def read(path):
    """What a journal names; None if it has an owner."""
    with lock_orphaned(path) as found:
        return None if found is None else found.leftovers


def test_rows_are_on_disk_when_the_call_returns(own):
    own.note_process(os.getpid())
    own.note_toxiproxy("http://127.0.0.1:1", "gauntlet-mine-")
    own.note_control_group("/groups/gauntlet-1")
    own.note_fault_requested("a", HEAL)
    own.note_fault_requested("b", {})
    with own.path.open("rb") as file:
        found = journal._read(file, "mine")
    assert found.processes == [identify(os.getpid())]
    assert found.toxiproxies == [("http://127.0.0.1:1", "gauntlet-mine-")]
    assert found.control_groups == [journal.Path("/groups/gauntlet-1")]
    assert (found.faults, list(found.commands)) == (["a", "b"], ["a"])
    own.note_fault_healed("a")
    assert own.leftovers.faults == ["b"]
    assert not own.leftovers.commands


def test_the_name_of_a_temporary_folder_is_on_disk_before_the_folder(own, monkeypatch):
    def fail(path, *_args, **_kwargs):
        assert str(path) in own.path.read_text()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal.Path, "mkdir", fail)
    with pytest.raises(OSError, match="space"):
        own.create_temporary_folder()


def test_a_journal_is_kept_while_a_control_group_exists(own, tmp_path):
    group = tmp_path / "group"
    group.mkdir()
    own.note_control_group(str(group))
    own.close()
    assert own.path.exists()
    group.rmdir()
    assert read(own.path).control_groups == [group]


def test_a_journal_is_kept_while_disks_are_left_beside_its_folder(own):
    data = own.create_temporary_folder()
    disks = data.with_name(f"{data.name}-disks")
    disks.mkdir()
    data.rmdir()
    own.close()
    assert own.path.exists()
    disks.rmdir()


def test_a_journal_with_a_living_owner_is_left_alone(own):
    assert paths() == [own.path]
    assert read(own.path) is None


def test_a_journal_has_no_owner_after_the_death_of_its_process(folder):
    child = subprocess.run([sys.executable, "-P", "-c", OWNER_THAT_DIES], check=False, timeout=120)
    assert child.returncode == -9
    left = read(folder / "killed.jsonl")
    (temporary,) = left.folders
    assert temporary.is_dir()
    temporary.rmdir()


def test_a_journal_is_removed_when_nothing_is_left(own):
    own.create_temporary_folder().rmdir()
    own.note_fault_requested("a", HEAL)
    own.note_fault_healed("a")
    own.close()
    assert paths() == []


@pytest.mark.parametrize("left", ["fault", "folder"])
def test_a_journal_stays_if_something_is_left(own, left):
    if left == "fault":
        own.note_fault_requested("a", HEAL)
    else:
        own.create_temporary_folder()
    own.close()
    assert read(own.path) is not None


def test_a_process_that_ends_with_the_journal_is_no_error(own):
    """The events of a stack that is being stopped come from another thread."""
    own.close()
    own.note_process(os.getpid())


def test_an_incomplete_last_line_is_ignored(left_by):
    """Its writer died before it did what the line would have named."""
    found = read(left_by({"kind": "folder", "path": "/tmp/x"}, text='{"kind": "fol'))
    assert (len(found.folders), found.damaged) == (1, 0)


@pytest.mark.parametrize(
    "line",
    ["\x00\x00\x00", "[1]", '{"kind": "process"}', '{"kind": "unheard-of"}', '{"kind": ["x"]}'],
)
def test_damaged_lines_are_counted_and_the_others_used(left_by, line):
    last = '{"kind": "folder", "path": "/tmp/y"}\n'
    found = read(left_by({"kind": "folder", "path": "/tmp/x"}, text=f"{line}\n{last}"))
    assert (len(found.folders), found.damaged) == (2, 1)


def test_nothing_is_read_of_a_journal_of_another_version(left_by):
    found = read(left_by({"kind": "folder", "path": "/tmp/x"}, version=2))
    assert (found.version, found.folders) == (2, [])


def test_a_folder_that_others_can_write_to_is_not_used(folder):
    """Its journals would let others say what is ended and removed."""
    folder.chmod(0o777)
    (folder / "evil.jsonl").write_text("{}\n")
    assert paths() == []
    with pytest.raises(ConfigError, match="GAUNTLET_STATE_DIR must be"):
        RecoveryJournal("mine", folder)


def test_without_a_home_the_journal_is_in_the_temporary_folder(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.delenv(journal.FOLDER_ENV)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(journal.tempfile, "gettempdir", lambda: str(tmp_path))
    own = RecoveryJournal("mine", tmp_path)
    assert own.path.parent == tmp_path / f"gauntlet-state-{os.geteuid()}"
    assert own.path.parent.stat().st_mode & 0o777 == 0o700
    assert paths() == [own.path]
    own.close()


def test_a_folder_without_locks_is_reported_and_no_file_is_left(folder, left_by, monkeypatch):
    def fail(*_args):
        raise OSError(37, "No locks available")

    path = left_by()
    monkeypatch.setattr(journal.fcntl, "flock", fail)
    with pytest.raises(ConfigError, match=journal.FOLDER_ENV):
        RecoveryJournal("other", folder)
    with pytest.raises(ConfigError, match=journal.FOLDER_ENV):
        read(path)
    assert list(folder.iterdir()) == [path]


def test_a_journal_is_locked_by_a_file_that_can_be_written_to(left_by, monkeypatch):
    """NFS refuses an exclusive lock of any other."""
    writable = []
    monkeypatch.setattr(journal.fcntl, "flock", lambda file, _how: writable.append(file.writable()))
    read(left_by())
    assert writable == [True]


@pytest.mark.parametrize("change", [{"heal": "true"}, {"verify": [1]}, {"timeout_s": None}])
def test_a_command_that_cannot_be_run_is_damaged(left_by, change):
    row = {"kind": "fault", "id": "a", "step": "requested", **HEAL, **change}
    without_path = {key: value for key, value in row.items() if key != "path"}
    found = read(left_by(row, {**without_path, "heal": ["true"]}))
    assert (found.damaged, found.faults, found.commands) == (2, [], {})


def test_a_user_without_a_home_has_the_fallback(monkeypatch):
    for name in (journal.FOLDER_ENV, "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(journal.os.path, "expanduser", lambda path: path)
    (folder,) = journal._folders()
    assert folder.name.startswith("gauntlet-state-")
