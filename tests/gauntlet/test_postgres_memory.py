"""What a killed PostgreSQL left is removed, and nothing of a living one or of another program."""

import errno
from pathlib import Path

import pytest

from gauntlet import postgres_memory

from ..dead_postgres import LIST, SERVER, dead_postgres


@pytest.fixture
def left(monkeypatch, tmp_path):
    """The shared memory of a server that was killed, with two files beside the list."""
    with dead_postgres(monkeypatch, tmp_path / "files") as found:
        found.write_files(22, 44, unused=[66])
        yield found


@pytest.fixture
def data(tmp_path):
    """The data folder of the server."""
    return tmp_path / "cluster" / "users-db" / "data"


def untouched(left):
    """Whether nothing was removed."""
    return left.exists and len(list(left.files.iterdir())) == 4


def test_the_segment_and_all_files_of_a_killed_server_are_removed_once(left, data):
    left.note(data)
    segment = f"System V segment {left.segment}"
    names = ["PostgreSQL.22", "PostgreSQL.44", f"PostgreSQL.{LIST}", segment]
    assert postgres_memory.remove(data) == names
    assert not left.exists
    assert [path.name for path in left.files.iterdir()] == ["PostgreSQL.66"]
    assert postgres_memory.remove(data) == []


@pytest.mark.parametrize("row_size", [24, 40, 48])
def test_rows_of_the_list_have_another_size_in_other_versions(left, data, row_size):
    left.write_files(22, 44, row_size=row_size)
    left.note(data)
    postgres_memory.remove(data)
    assert not left.path(22).exists()
    assert not left.path(44).exists()


def test_the_server_of_initdb_notes_a_negative_process_id(left, data):
    left.note(data, server=-SERVER)
    postgres_memory.remove(data)
    assert not left.exists


def test_a_segment_that_was_left_before_its_list_existed_is_removed(left, data):
    left.path(LIST).unlink()
    left.note(data)
    assert postgres_memory.remove(data) == [f"System V segment {left.segment}"]


def test_nothing_is_removed_while_a_process_uses_it(left, data):
    left.note(data)
    with left.attached():
        assert postgres_memory.remove(data, 0.05) == []
        assert untouched(left)
    assert postgres_memory.remove(data)


def test_the_segment_of_another_server_or_program_is_not_removed(left, data):
    """The id in an old note may have been given to another segment since."""
    for note in ({"server": SERVER + 1}, {"key": 5}, {"segment": left.segment + 1}):
        left.note(data, **note)
        assert postgres_memory.remove(data) == []
    assert untouched(left)


def test_a_segment_is_found_by_its_key_if_the_note_has_the_id_of_an_earlier_one(
    left, data, monkeypatch
):
    """A server replaces its segment after a crash, and cannot note the new one on a full disk."""
    found = [
        each._replace(key=77) for each in postgres_memory._segments() if each.id == left.segment
    ]
    monkeypatch.setattr(postgres_memory, "_segments", lambda: found)
    left.note(data, key=77, segment=left.segment + 1)
    assert f"System V segment {left.segment}" in postgres_memory.remove(data)
    assert not left.exists


def test_the_owner_of_the_segment_must_be_that_of_the_note(left, data, monkeypatch):
    left.note(data)
    others = [each._replace(owner=each.owner + 1) for each in postgres_memory._segments()]
    monkeypatch.setattr(postgres_memory, "_segments", lambda: others)
    assert postgres_memory.remove(data) == []
    assert untouched(left)


@pytest.mark.parametrize(
    "text",
    ["", "4711\n", "4711\n" * 6, "x\n" + "\n" * 5 + "0 0\n", "4711\n" + "\n" * 5 + "0 ../x\n"],
)
def test_a_note_that_is_incomplete_or_no_note_names_nothing(left, data, text):
    left.note(data)
    (data / "postmaster.pid").write_text(text)
    assert postgres_memory.remove(data) == []
    assert untouched(left)


def test_a_link_or_a_folder_in_place_of_the_note_is_not_followed(left, data, tmp_path):
    left.note(tmp_path / "other")
    data.mkdir(parents=True)
    (data / "postmaster.pid").symlink_to(tmp_path / "other" / "postmaster.pid")
    assert postgres_memory.remove(data) == []
    (data / "postmaster.pid").unlink()
    (data / "postmaster.pid").mkdir()
    assert postgres_memory.remove(data) == []
    assert untouched(left)


@pytest.mark.parametrize("content", [b"", b"\0" * 2576, b"\x32\x3d\x50\x9a" + b"\xff" * 12])
def test_a_damaged_list_names_no_files(left, data, content):
    left.path(LIST).write_bytes(content)
    left.note(data)
    assert postgres_memory.remove(data)[-1] == f"System V segment {left.segment}"
    assert left.path(22).exists()


def test_a_link_among_the_files_is_not_followed(left, data, tmp_path):
    precious = tmp_path / "precious"
    precious.touch()
    left.path(22).unlink()
    left.path(22).symlink_to(precious)
    left.note(data)
    assert "PostgreSQL.22" not in postgres_memory.remove(data)
    assert precious.exists()


@pytest.mark.parametrize("refused", ["shmat", "shmctl", "unlink"])
def test_memory_of_another_user_is_named_once(left, data, monkeypatch, caplog, refused):
    call = postgres_memory._call

    def forbidden(*_, **__):
        raise PermissionError(errno.EPERM, "no")

    def refusing(name, *arguments):
        return forbidden() if name == refused else call(name, *arguments)

    left.note(data)
    with monkeypatch.context() as patch:
        patch.setattr(postgres_memory, "_call", refusing)
        if refused == "unlink":
            patch.setattr(Path, "unlink", forbidden)
        assert postgres_memory.remove(data) == postgres_memory.remove(data) == []
    (warning,) = caplog.messages
    assert warning == (
        f"the shared memory of the PostgreSQL that was killed in {data} cannot be removed (System "
        f"V segment {left.segment}: Operation not permitted); its owner or root can remove it "
        f"with `ipcrm -m {left.segment}`"
    )
    assert left.exists


def test_a_call_that_the_system_refuses_is_an_error():
    with pytest.raises(OSError, match="Invalid argument"):
        postgres_memory._call("shmctl", 2**31 - 1, 0, None)


def test_servers_are_found_in_the_folders_of_components_and_of_disks(left, tmp_path):
    left.note(tmp_path / "disks" / "users-db" / "users-db" / "data")
    assert postgres_memory.remove_below(tmp_path / "absent") == []
    assert postgres_memory.remove_below(tmp_path / "disks")
    assert not left.exists


def test_systems_without_a_list_of_segments_have_nothing_to_remove(left, data, monkeypatch):
    left.note(data)
    monkeypatch.setattr(postgres_memory, "SEGMENTS", data / "absent")
    assert postgres_memory.remove(data) == []
