"""A worker's part on its way: whole and unharmed, or not at all."""

import os

import pytest

from gauntlet.core.errors import HistoryError
from gauntlet.core.run_directory import RunDir
from gauntlet.scenarios.distributed import file_transfer
from gauntlet.scenarios.distributed.file_transfer import ManifestEntry


@pytest.fixture
def there(tmp_path):
    """A worker's own folder, with a file of more than one piece and one that stays at home."""
    run = RunDir.make(tmp_path / "there")
    (run.history / "w1-g0.bin").write_bytes(os.urandom(file_transfer.CHUNK_BYTES + 40))
    (run.history / "w1-users.bin").write_bytes(b"")
    (run.latency / "response-w1.hdr").write_text("HIST")
    (run.events / "load-1.jsonl").write_text('{"t_ns":1}\n')
    run.links.write_text('{"row":"user"}\n')
    run.live.write_text("told while it ran\n")
    return run


@pytest.fixture
def here(tmp_path):
    """The master's run directory, in which another worker's rows are already."""
    run = RunDir.make(tmp_path / "here")
    run.links.write_text('{"row":"conv"}\n')
    return run


def fetch_from(run, worker=1):
    """The pieces as they would be asked for."""
    return lambda name, offset, length: file_transfer.read_chunk(run, worker, name, offset, length)


def test_a_part_comes_home_whole(there, here):
    """Every file is in its place, byte for byte; rows of one file are added to those there."""
    declared = file_transfer.manifest(there, 1)
    taken = file_transfer.receive(here, 1, declared, fetch_from(there))
    assert taken == sum(one.size for one in declared)
    for name in ("history/w1-g0.bin", "history/w1-users.bin", "latency/response-w1.hdr"):
        assert (here.path / name).read_bytes() == (there.path / name).read_bytes()
    assert here.links.read_text() == '{"row":"conv"}\n{"row":"user"}\n'
    assert not here.live.exists()
    assert sorted(file.name for file in here.path.iterdir()) == sorted(
        ["events", "history", "latency", "links.jsonl", "logs"]
    )


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda piece: piece[:-1] + b"x", "another checksum"),
        (lambda piece: piece[:0], "ends after 0 of"),
        (lambda piece: piece * 3, "ends after"),
    ],
)
def test_what_was_harmed_on_its_way_is_not_put_in_place(there, here, harm, why):
    """Nothing of the part is in the run directory, so nothing of it is judged."""
    whole = fetch_from(there)
    with pytest.raises(HistoryError, match=why):
        file_transfer.receive(
            here, 1, file_transfer.manifest(there, 1), lambda *asked: harm(whole(*asked))
        )
    assert not list(here.history.iterdir())
    assert "user" not in here.links.read_text()


@pytest.mark.parametrize(
    "name",
    ["../w1-g0.bin", "history/w2-g0.bin", "history/../w1-g0.bin", "manifest.json", "/etc/hosts"],
)
def test_a_worker_gives_and_takes_only_what_is_its_own(there, here, name):
    """Neither may a worker write elsewhere, nor a master read elsewhere."""
    with pytest.raises(HistoryError, match="no file of worker 1"):
        file_transfer.receive(here, 1, [ManifestEntry(name, 1, "")], fetch_from(there))
    with pytest.raises(HistoryError, match="no file of worker 1"):
        file_transfer.read_chunk(there, 1, name, 0, 1)


def test_more_than_there_is_room_for(there, here):
    """It is said before the first piece, not by a full disk."""
    declared = [ManifestEntry("history/w1-g0.bin", file_transfer.PART_BYTES_MAX + 1, "")]
    with pytest.raises(HistoryError, match="there is room for"):
        file_transfer.receive(here, 1, declared, fetch_from(there))
