"""History shards are read completely or not at all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.core.errors import HistoryError
from gauntlet.core.history import DTYPE, FIELDS, RECORD_BYTES, Record
from gauntlet.core.run_directory import RunDir
from gauntlet.reports.history.arrays import find, pair
from gauntlet.reports.history.records import read_records
from gauntlet.reports.history.times.clock_alignment import ClockAlignment


@pytest.fixture
def run(tmp_path):
    """A run with two shards, of three records and of one."""
    (tmp_path / "history").mkdir()
    for name, count in (("w0-g0.bin", 3), ("w0-users.bin", 1)):
        records = (Record(t_ns=at, conv=7, seq=at).pack() for at in range(count))
        (tmp_path / "history" / name).write_bytes(b"".join(records))
    return RunDir(tmp_path)


DECLARED = {"records": {"w0-g0.bin": 3, "w0-users.bin": 1}}


def test_numpy_reads_the_record_that_struct_writes():
    dtype = np.dtype(DTYPE)
    assert dtype.itemsize == RECORD_BYTES
    assert dtype.names == FIELDS
    record = Record(*range(1, len(FIELDS) + 1))
    assert tuple(np.frombuffer(record.pack(), dtype=dtype)[0]) == record


def test_all_records_of_all_shards_are_read(run):
    assert read_records(run, [DECLARED])["seq"].tolist() == [0, 1, 2, 0]


def test_a_history_without_a_reconciliation_is_an_error(run):
    with pytest.raises(HistoryError, match="no load worker reconciled"):
        read_records(run, [])


@pytest.mark.parametrize("count", [2, 4])
def test_a_shard_with_another_number_of_records_is_an_error(run, count):
    with pytest.raises(HistoryError, match=r"w0-g0.bin holds 3 records, but its worker declared"):
        read_records(run, [{"records": {**DECLARED["records"], "w0-g0.bin": count}}])


def test_an_incomplete_record_is_an_error(run):
    with (run.history / "w0-g0.bin").open("ab") as file:
        file.write(b"x" * 20)
    with pytest.raises(HistoryError, match=r"holds 3\.5 records"):
        read_records(run, [DECLARED])


def test_only_a_shard_that_was_declared_empty_may_be_missing(run):
    empty = {"records": {**DECLARED["records"], "w0-g1.bin": 0}}
    assert read_records(run, [empty]).size == 4
    with pytest.raises(HistoryError, match=r"w0-g1\.bin holds 0 records, but .* declared 5"):
        read_records(run, [{"records": {**DECLARED["records"], "w0-g1.bin": 5}}])


def test_a_shard_of_a_worker_that_did_not_reconcile_is_an_error(run):
    (run.history / "w1-g0.bin").write_bytes(b"")
    with pytest.raises(HistoryError, match=r"w1-g0\.bin belongs to no worker"):
        read_records(run, [DECLARED])


def test_shards_of_a_lost_worker_are_left_out(run):
    (run.history / "w1-g0.bin").write_bytes(Record(t_ns=9).pack())
    assert read_records(run, [DECLARED], lost={1}).size == 4


def test_times_of_another_host_are_converted_to_the_masters_clock(run):
    """Both times of a record are converted, so no latency changes. 0 is not a time."""
    records = (Record(t_ns=1_500, ref_ns=1_400).pack(), Record(t_ns=1_600).pack())
    (run.history / "w1-g0.bin").write_bytes(b"".join(records))
    both = [DECLARED, {"records": {"w1-g0.bin": 2}}]
    aligned = read_records(run, both, clocks=ClockAlignment({1: [(1_000, 1_000)]}))
    converted = aligned[aligned["conv"] == 0]
    assert converted["t_ns"].tolist() == [500, 600]
    assert converted["ref_ns"].tolist() == [400, 0]
    assert aligned[aligned["conv"] == 7]["t_ns"].tolist() == [0, 1, 2, 0]


@given(st.lists(st.integers(0, 50)), st.lists(st.integers(0, 50)))
def test_find_returns_the_index_of_a_key_or_minus_one(sorted_keys, keys):
    sorted_keys = np.array(sorted(set(sorted_keys)), dtype=np.int64)
    found = find(sorted_keys, np.array(keys, dtype=np.int64))
    index_of = {key: at for at, key in enumerate(sorted_keys.tolist())}
    assert found.tolist() == [index_of.get(key, -1) for key in keys]


@given(st.lists(st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**32 - 1)), min_size=1))
def test_pairs_sort_like_tuples(tuples):
    high, low = (np.array(part, dtype=np.uint32) for part in zip(*tuples, strict=True))
    order = np.argsort(pair(high, low), kind="stable")
    assert [tuples[at] for at in order] == sorted(tuples)
