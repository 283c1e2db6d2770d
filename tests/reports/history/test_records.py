"""Shards as arrays: complete, or not at all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.core.errors import HistoryError
from gauntlet.core.history import DTYPE, FIELDS, RECORD_BYTES, Record
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.history.arrays import find, pair
from gauntlet.reports.history.clock_alignment import ClockAlignment
from gauntlet.reports.history.records import read_records


@pytest.fixture
def run(tmp_path):
    """A run with two shards of three and one records."""
    (tmp_path / "history").mkdir()
    for name, count in (("w0-g0.bin", 3), ("w0-users.bin", 1)):
        records = (Record(t_ns=at, conv=7, seq=at).pack() for at in range(count))
        (tmp_path / "history" / name).write_bytes(b"".join(records))
    return RunDir(tmp_path)


DECLARED = {"records": {"w0-g0.bin": 3, "w0-users.bin": 1}}


def test_numpy_reads_what_struct_writes():
    """The two spellings of a record are one layout."""
    dtype = np.dtype(DTYPE)
    assert dtype.itemsize == RECORD_BYTES
    assert dtype.names == FIELDS
    record = Record(*range(1, len(FIELDS) + 1))
    assert tuple(np.frombuffer(record.pack(), dtype=dtype)[0]) == record


def test_all_shards_are_joined(run):
    """Every record of every shard is there."""
    assert read_records(run, [DECLARED])["seq"].tolist() == [0, 1, 2, 0]


def test_nobody_reconciled(run):
    """Without a reconciliation line nothing says that the history is whole."""
    with pytest.raises(HistoryError, match="no load worker reconciled"):
        read_records(run, [])


@pytest.mark.parametrize("count", [2, 4])
def test_a_shard_of_another_length(run, count):
    """A shard that lost, or gained, records is not judged."""
    with pytest.raises(HistoryError, match=r"w0-g0.bin holds 3 records, but its worker declared"):
        read_records(run, [{"records": {**DECLARED["records"], "w0-g0.bin": count}}])


def test_a_torn_record(run):
    """Half a record is no record."""
    with (run.history / "w0-g0.bin").open("ab") as file:
        file.write(b"x" * 20)
    with pytest.raises(HistoryError, match=r"holds 3\.5 records"):
        read_records(run, [DECLARED])


def test_a_missing_shard_and_an_empty_one(run):
    """A shard that was declared empty may be absent; any other may not."""
    empty = {"records": {**DECLARED["records"], "w0-g1.bin": 0}}
    assert read_records(run, [empty]).size == 4
    with pytest.raises(HistoryError, match=r"w0-g1\.bin holds 0 records, but .* declared 5"):
        read_records(run, [{"records": {**DECLARED["records"], "w0-g1.bin": 5}}])


def test_a_shard_of_a_worker_that_was_lost(run):
    """Records of a worker that never reconciled make the history incomplete."""
    (run.history / "w1-g0.bin").write_bytes(b"")
    with pytest.raises(HistoryError, match=r"w1-g0\.bin belongs to no worker"):
        read_records(run, [DECLARED])


def test_the_shards_of_a_worker_that_is_known_to_be_lost_are_left_out(run):
    """The others can be judged, and nothing of the lost one is taken for whole."""
    (run.history / "w1-g0.bin").write_bytes(Record(t_ns=9).pack())
    assert read_records(run, [DECLARED], lost={1}).size == 4


def test_the_records_of_another_host_are_laid_on_the_masters_clock(run):
    """Both times of a record move together, so that no latency changes; 0 is no time."""
    records = (Record(t_ns=1_500, ref_ns=1_400).pack(), Record(t_ns=1_600).pack())
    (run.history / "w1-g0.bin").write_bytes(b"".join(records))
    both = [DECLARED, {"records": {"w1-g0.bin": 2}}]
    laid = read_records(run, both, clocks=ClockAlignment({1: [(1_000, 1_000)]}))
    mine = laid[laid["conv"] == 0]
    assert mine["t_ns"].tolist() == [500, 600]
    assert mine["ref_ns"].tolist() == [400, 0]
    assert laid[laid["conv"] == 7]["t_ns"].tolist() == [0, 1, 2, 0]


@given(st.lists(st.integers(0, 50)), st.lists(st.integers(0, 50)))
def test_find_is_a_dictionary(ordered, wanted):
    """`find` answers where a value stands, -1 where it does not."""
    ordered = np.array(sorted(set(ordered)), dtype=np.int64)
    found = find(ordered, np.array(wanted, dtype=np.int64))
    places = {value: at for at, value in enumerate(ordered.tolist())}
    assert found.tolist() == [places.get(value, -1) for value in wanted]


@given(st.lists(st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**32 - 1)), min_size=1))
def test_pairs_sort_as_tuples_do(tuples):
    """One 64-bit key stands for two 32-bit numbers, in order and without collision."""
    high, low = (np.array(part, dtype=np.uint32) for part in zip(*tuples, strict=True))
    order = np.argsort(pair(high, low), kind="stable")
    assert [tuples[at] for at in order] == sorted(tuples)
