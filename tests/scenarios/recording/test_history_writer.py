"""History files."""

import resource

import pytest

from gauntlet.core.history import RECORD, RECORD_BYTES, Kind, Record, shard_name, user_shard_name
from gauntlet.scenarios.recording.history_writer import HistoryWriter


def records(file):
    """The records of a shard."""
    content = file.read_bytes()
    assert len(content) % RECORD_BYTES == 0
    return [Record(*fields) for fields in RECORD.iter_unpack(content)]


def test_records_come_back_as_they_were_added(tmp_path):
    """Every field survives, in the shard of its conversation, in the order of adding."""
    recorder = HistoryWriter(tmp_path, 3)
    recorder.add(
        Kind.ACK, 10, ref_ns=5, conv=3_000_006, link=7, peer=8, sseq=9, seq=11, flags=2, spare=12
    )
    recorder.add(Kind.HEAD, 11, conv=3_000_006, seq=99)
    recorder.add(Kind.OFFLINE, 12, peer=8)
    recorder.close()
    assert records(tmp_path / shard_name(3, 3_000_006)) == [
        Record(10, 5, 3_000_006, 7, 8, 9, 11, Kind.ACK, 2, 12),
        Record(11, conv=3_000_006, seq=99, kind=Kind.HEAD),
    ]
    assert records(tmp_path / user_shard_name(3)) == [Record(12, peer=8, kind=Kind.OFFLINE)]


def test_counts_are_of_what_was_written(tmp_path):
    """The counts that go into the reconciliation line are those of the files."""
    recorder = HistoryWriter(tmp_path, 0)
    for conv in range(10):
        recorder.add(Kind.HEAD, 1, conv=conv, seq=1)
    recorder.flush()
    recorder.add(Kind.HEAD, 1, conv=1, seq=2)
    recorder.close()
    counts = recorder.counts()
    assert sum(counts.values()) == 11
    assert counts == {name: len(records(tmp_path / name)) for name in counts}


def test_what_does_not_fit_a_field_is_capped(tmp_path):
    """A server's absurd position or close code must not stop the recording."""
    recorder = HistoryWriter(tmp_path, 0)
    recorder.add(Kind.HEAD, 1, conv=0, seq=2**40, spare=70_000)
    recorder.close()
    (record,) = records(tmp_path / shard_name(0, 0))
    assert (record.seq, record.spare) == (2**32 - 1, 65_535)


def test_more_records_than_the_buffer_has_room_for_are_kept(tmp_path):
    """The buffer grows, also after it was written to the file, and then keeps its size."""
    recorder = HistoryWriter(tmp_path, 0)
    for round_number in range(2):
        for number in range(3_000):
            recorder.add(Kind.HEAD, round_number, conv=0, seq=number)
        recorder.flush()
    recorder.add(Kind.HEAD, 2, conv=0, seq=1)
    recorder.close()
    found = [(record.t_ns, record.seq) for record in records(tmp_path / shard_name(0, 0))]
    assert found == [*((at, number) for at in range(2) for number in range(3_000)), (2, 1)]


def test_records_that_could_not_be_written_are_not_written_twice(tmp_path):
    """A part of them is in the file already when its disk is full."""
    recorder = HistoryWriter(tmp_path, 0)
    for seq in (1, 2):
        recorder.add(Kind.HEAD, 1, conv=0, seq=seq)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (RECORD_BYTES, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            recorder.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    recorder.add(Kind.HEAD, 1, conv=0, seq=3)
    recorder.close()
    assert [record.seq for record in records(tmp_path / shard_name(0, 0))] == [1, 3]
