"""History shards are read completely or not at all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet.core.errors import HistoryError
from gauntlet.core.history import DTYPE, FIELDS, RECORD_BYTES, Kind, Record
from gauntlet.core.run_directory import NUMBERS_PER_WORKER, RunDir
from gauntlet.reports.history.arrays import find, pair
from gauntlet.reports.history.events import collect_events
from gauntlet.reports.history.records import (
    align,
    checked_chunks,
    chunks_of,
    count_chunks,
    examine,
    read_records,
    without_damaged_workers,
)
from gauntlet.reports.history.times.clock_alignment import ClockAlignment
from gauntlet.reports.history.times.order import Descents


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
    records = (
        Record(t_ns=1_500, ref_ns=1_400),
        Record(t_ns=1_600),
        Record(t_ns=1_700, ref_ns=1_400, kind=Kind.NAMED),  # the digest of an id
    )
    (run.history / "w1-g0.bin").write_bytes(b"".join(record.pack() for record in records))
    both = [DECLARED, {"records": {"w1-g0.bin": 3}}]
    aligned = read_records(run, both, clocks=ClockAlignment({1: [(1_000, 1_000)]}))
    converted = aligned[aligned["conv"] == 0]
    assert converted["t_ns"].tolist() == [500, 600, 700]
    assert converted["ref_ns"].tolist() == [400, 0, 1_400]
    assert aligned[aligned["conv"] == 7]["t_ns"].tolist() == [0, 1, 2, 0]


def test_a_shard_whose_clock_was_not_ahead_is_not_copied():
    """A copy would be in memory, where the file need not be."""
    records = np.zeros(2, dtype=np.dtype(DTYPE))
    clocks = ClockAlignment({1: [(1_000, 1_000)]})
    assert align("w0-g0.bin", records, clocks) is records
    assert align("w1-g0.bin", records, clocks) is not records


def test_records_that_are_not_in_the_order_of_time_are_an_error(run):
    records = (Record(t_ns=t_ns).pack() for t_ns in (1, 3, 2))
    (run.history / "w0-g0.bin").write_bytes(b"".join(records))
    with pytest.raises(HistoryError, match=r"w0-g0\.bin is not in the order of time: record 3"):
        read_records(run, [DECLARED])


def test_a_link_to_another_file_is_no_shard(run):
    (run.history / "w0-g0.bin").rename(run.history / "elsewhere")
    (run.history / "w0-g0.bin").symlink_to("elsewhere")
    with pytest.raises(HistoryError, match="must be a regular file; got a symbolic link"):
        read_records(run, [DECLARED])


@pytest.mark.parametrize(
    ("worker", "link", "is_strange"),
    [
        (0, 0, False),
        (0, 1, False),
        (0, NUMBERS_PER_WORKER - 1, False),
        (0, NUMBERS_PER_WORKER, True),
        (1, 0, False),  # no connection
        (1, 1, True),
        (1, NUMBERS_PER_WORKER - 1, True),
        (1, NUMBERS_PER_WORKER, False),
        (1, 2 * NUMBERS_PER_WORKER - 1, False),
        (1, 2 * NUMBERS_PER_WORKER, True),
    ],
)
def test_a_shard_has_only_connections_of_its_worker(run, worker, link, is_strange):
    records = Record(t_ns=1), Record(t_ns=2, link=link)
    (run.history / "shard.bin").write_bytes(b"".join(record.pack() for record in records))
    shard = worker, "shard.bin", 2
    if is_strange:
        with pytest.raises(HistoryError, match=f"link {link:,}, which is not one of this worker"):
            list(checked_chunks(run, shard))
    else:
        (chunk,) = checked_chunks(run, shard)
        assert chunk["link"].tolist() == [0, link]


@pytest.mark.parametrize(
    ("chunk", "only", "found"),
    [
        (0, None, [[0, 1, 2]]),
        (1, None, [[0], [1], [2]]),
        (2, None, [[0, 1], [2]]),
        (3, None, [[0, 1, 2]]),
        (2, [1], [[2]]),
        (1, [2, 0], [[2], [0]]),
        (2, [], []),
    ],
)
def test_a_shard_is_read_chunk_by_chunk(run, chunk, only, found):
    file = run.history / "w0-g0.bin"
    assert [each["seq"].tolist() for each in chunks_of(file, chunk, only)] == found
    if only is None:
        assert count_chunks(file, chunk) == len(found)


def test_a_file_that_does_not_exist_has_no_chunks(run):
    assert count_chunks(run.history / "w9-g0.bin") == 0
    assert list(chunks_of(run.history / "w9-g0.bin")) == []


def test_each_shard_is_examined_also_behind_a_damaged_one(run):
    records = (Record(t_ns=t_ns).pack() for t_ns in (1, 3, 2))
    (run.history / "w0-g1.bin").write_bytes(b"".join(records))
    shards = [(0, "w0-g0.bin", 4), (0, "w0-g1.bin", 3), (0, "w0-users.bin", 1)]
    assert list(examine(run, shards)) == [
        "history shard w0-g0.bin holds 3 records, but its worker declared 4",
        Descents(1, 2, 1),
        Descents(0, 0, 0),
    ]


ORDERED, BACK = Descents(0, 0, 0), Descents(1, 2, 10**9)
SHARDS = [(0, "w0-g0.bin", 3), (0, "w0-g1.bin", 1), (1, "w1-g0.bin", 5), (1, "w1-g1.bin", 2)]


def examined(run, *found):
    """Return the events before and after the shards of two workers were examined."""
    rows = [
        {"writer": "load-0", "t_ns": 1, "kind": "reconciliation", "worker": worker,
         "records": {name: count for owner, name, count in reversed(SHARDS) if owner == worker}}
        for worker in (0, 1)
    ]  # fmt: skip
    events = collect_events(rows, [])

    def examine_all(given, shards):
        assert (given, shards) == (run, SHARDS)
        return iter(found)

    return events, without_damaged_workers(run, events, examine_all)


DISORDERED = (
    "history shard w1-g1.bin is not in the order of time: record 3 is 1 s older than the record "
    "before it"
)
WENT_BACK = (
    "the clock of worker 1 went back by 1 s during the run (record 3 of history shard w1-g0.bin)"
)


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ((ORDERED, ORDERED, "one", "other"), "one"),
        ((ORDERED, ORDERED, ORDERED, "other"), "other"),
        ((ORDERED, ORDERED, BACK, "other"), "other"),
        ((ORDERED, ORDERED, ORDERED, BACK), DISORDERED),
        ((ORDERED, ORDERED, BACK, BACK), WENT_BACK),
    ],
)
def test_a_worker_whose_history_is_damaged_counts_as_lost(run, found, problem):
    _, events = examined(run, *found)
    assert events.lost == {1: f"The history of worker 1 is damaged: {problem}"}
    assert [row["worker"] for row in events.reconciliations] == [0]


@pytest.mark.parametrize(
    "found", [(ORDERED,) * 4, ("one", ORDERED, ORDERED, BACK), ("a", "b", "c", "d")]
)
def test_where_all_workers_are_whole_or_none_is_nothing_changes(run, found):
    events, same = examined(run, *found)
    assert same is events


@pytest.mark.parametrize("count", [3, 5])
def test_an_examination_of_more_or_fewer_shards_than_there_are_is_an_error(run, count):
    """A shard that was not examined would otherwise count as whole."""
    with pytest.raises(ValueError, match="zip"):
        examined(run, *(ORDERED,) * count)


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
