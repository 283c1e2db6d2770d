"""Shards are split into parts of whole conversations, which keep the order of their records."""

import numpy as np
import pytest

from gauntlet.core.history import DTYPE, Kind
from gauntlet.reports.history import records
from gauntlet.reports.history.records import chunks_of, count_chunks
from gauntlet.reports.history.times.clock_alignment import ClockAlignment
from gauntlet.reports.parts import splitting, surveying
from gauntlet.reports.parts.splitting import Batch, Sizes, Span, read_parts, read_spans

CLOCKS = ClockAlignment()


@pytest.fixture
def shard(tmp_path, monkeypatch):
    """Return a shard with two records of conversation 1, one of 5, three of 9 and two of 12."""
    monkeypatch.setattr(records, "CHUNK_RECORDS", 3)
    rows = np.zeros(8, dtype=np.dtype(DTYPE))
    rows["conv"] = [9, 1, 12, 9, 5, 1, 9, 12]
    rows["t_ns"] = np.arange(8) + 100
    rows["kind"] = Kind.DELIVER
    file = tmp_path / "w0-g1.bin"
    rows.tofile(file)
    return file


def survey(file):
    return surveying.survey(CLOCKS, file.name, chunks_of(file))


def test_a_survey_counts_the_records_of_each_conversation(shard):
    found = survey(shard)
    assert dict(zip(found.convs.tolist(), found.counts.tolist(), strict=True)) == {
        1: 2,
        5: 1,
        9: 3,
        12: 2,
    }
    assert (found.span_ns, found.descents.count) == ((100, 107), 0)
    assert not any((found.has_rooms, found.of_users, found.of_some_users))


def test_a_shard_may_be_empty(tmp_path):
    file = tmp_path / "w0-g1.bin"
    file.touch()
    found = survey(file)
    assert (found.span_ns, found.counts.size, splitting.split(found, Sizes())) == (None, 0, [])


def test_parts_are_whole_conversations_and_batches_are_whole_parts(shard):
    parts = Span("w0-g1.bin", 1, 5), Span("w0-g1.bin", 9, 9), Span("w0-g1.bin", 12, 12)
    found = survey(shard)
    assert splitting.split(found, Sizes(part=3, batch=100)) == [Batch(parts, 8)]
    assert splitting.split(found, Sizes(part=3, batch=4)) == [
        Batch(parts[:2], 6),
        Batch(parts[2:], 2),
    ]


def test_a_large_conversation_is_a_part_and_a_batch_of_its_own(shard):
    parts = [Span("w0-g1.bin", 1, 5), Span("w0-g1.bin", 9, 9), Span("w0-g1.bin", 12, 12)]
    batches = splitting.split(survey(shard), Sizes(part=100, batch=100, whole=2))
    assert [batch.parts for batch in batches] == [(span,) for span in parts]
    assert [batch.records for batch in batches] == [3, 3, 2]
    unsplit = splitting.split(survey(shard), Sizes(part=100, batch=100, whole=3))
    assert [batch.records for batch in unsplit] == [8]


def test_the_records_of_a_part_keep_their_order(shard):
    spans = Span("w0-g1.bin", 1, 5), Span("w0-g1.bin", 12, 12)
    assert read_spans(shard, spans, CLOCKS)["conv"].tolist() == [1, 12, 5, 1, 12]
    first, second = read_parts(shard, (Span("w0-g1.bin", 1, 5), Span("w0-g1.bin", 9, 9)), CLOCKS)
    assert first["t_ns"].tolist() == [101, 104, 105]
    assert second["t_ns"].tolist() == [100, 103, 106]


def test_the_times_of_parts_are_those_of_the_clock_of_the_master(shard):
    clocks = ClockAlignment({0: ((0, 7), (1_000, 7))})
    (part,) = read_parts(shard, (Span("w0-g1.bin", 12, 12),), clocks)
    assert (
        part["t_ns"].tolist()
        == read_spans(shard, (Span("w0-g1.bin", 12, 12),), clocks)["t_ns"].tolist()
        == [95, 100]
    )


def test_chunks_make_up_the_shard(shard):
    assert [chunk.size for chunk in chunks_of(shard, 3)] == [3, 3, 2]
    (last,) = chunks_of(shard, 3, only=[2])
    assert last["t_ns"].tolist() == [106, 107]
    assert (count_chunks(shard), count_chunks(shard, 8), count_chunks(shard, 7)) == (3, 1, 2)


def test_a_clock_that_goes_back_between_two_chunks_is_found(shard):
    rows = np.fromfile(shard, dtype=np.dtype(DTYPE))
    rows["t_ns"][3] = 99
    rows.tofile(shard)
    found = survey(shard).descents
    assert (found.count, found.first, found.back_ns) == (1, 3, 3)
