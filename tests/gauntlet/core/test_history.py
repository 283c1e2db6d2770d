"""The record layout, which writers and judges share."""

import numpy as np

from gauntlet.core import history
from gauntlet.core.history import Channel, Flag, Kind, Record


def test_a_record_takes_forty_bytes():
    """The contract's size: shards are cut by it."""
    assert history.RECORD_BYTES == 40


def test_numpy_reads_what_struct_wrote():
    """Every field, at its extreme value, comes back under its own name."""
    top32 = 2**32 - 1
    record = Record(-1, 2**62, 1, 2, 3, 4, top32, Kind.PAGE, 255, 65535)
    row = np.frombuffer(record.pack(), dtype=np.dtype(history.DTYPE))[0]
    assert tuple(row.dtype.names) == history.FIELDS == Record._fields
    assert tuple(int(value) for value in row) == tuple(int(value) for value in record)


def test_channel_and_flags_share_a_byte_without_touching():
    """Taking the channel's two bits out of any flags gives the channel back."""
    for channel in Channel:
        for flag in Flag:
            assert (channel | flag) & 3 == channel


def test_a_conversation_is_in_exactly_one_shard_of_its_worker():
    """Judging one shard alone sees all of a conversation, and no worker writes another's file."""
    names = {history.shard_name(2, conv) for conv in range(100)}
    assert len(names) == history.GROUPS_PER_WORKER
    assert names.isdisjoint({history.shard_name(1, conv) for conv in range(100)})
    assert history.user_shard_name(2) not in names
