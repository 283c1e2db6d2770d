"""The password of a data folder, and the mode of the files that contain it."""

from gauntlet.reference_server.cluster.engines.private_files import store_password, write_private


def test_each_data_folder_keeps_a_random_password_of_its_own(tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    first, second = map(store_password, folders)
    assert len(first) >= 32
    assert first != second
    assert store_password(folders[0]) == first


def test_an_empty_password_file_is_written_again(tmp_path):
    """The cluster may have been killed between creating the file and writing it."""
    (tmp_path / "store-password").touch()
    assert store_password(tmp_path)


def test_a_private_file_loses_the_mode_that_it_had_before(tmp_path):
    path = tmp_path / "redis.conf"
    path.write_text("old")
    path.chmod(0o666)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
