"""The layout of records, shared by the writer and the judge."""

import numpy as np

from gauntlet.core import history
from gauntlet.core.history import Channel, Flag, Kind, Record, id_digest


def test_a_record_has_forty_bytes():
    assert history.RECORD_BYTES == 40


def test_numpy_reads_every_field_that_struct_packed():
    top32 = 2**32 - 1
    record = Record(-1, 2**62, 1, 2, 3, 4, top32, Kind.PAGE, 255, 65535)
    row = np.frombuffer(record.pack(), dtype=np.dtype(history.DTYPE))[0]
    assert tuple(row.dtype.names) == history.FIELDS == Record._fields
    assert tuple(int(value) for value in row) == tuple(int(value) for value in record)


def test_channels_and_flags_use_different_bits():
    for channel in Channel:
        for flag in Flag:
            assert (channel | flag) & 3 == channel


def test_every_conversation_has_one_shard_and_workers_share_none():
    """A shard can be judged by itself only if it holds all of a conversation."""
    names = {history.shard_name(2, conv) for conv in range(100)}
    assert len(names) == history.GROUPS_PER_WORKER
    assert names.isdisjoint({history.shard_name(1, conv) for conv in range(100)})
    assert history.user_shard_name(2) not in names


def test_the_digest_of_an_id_fits_into_a_time_and_differs_by_id():
    digests = {id_digest(f"m{number}") for number in range(5_000)}
    assert len(digests) == 5_000
    assert all(0 < digest < 1 << 63 for digest in digests)
    assert id_digest("") == 0
    assert id_digest("\ud800") > 0  # half of a pair, which has no UTF-8
