"""Writes the history: records into per-shard buffers, one unbuffered write per shard and flush."""

import struct
from pathlib import Path
from typing import Final, final

from gauntlet.core.history import (
    GROUPS_PER_WORKER,
    RECORD,
    RECORD_BYTES,
    USER_KINDS,
    Kind,
    shard_name,
    user_shard_name,
)
from gauntlet.scenarios.client.context import Sink

_U32 = 0xFFFF_FFFF
_U16 = 0xFFFF
_FIRST_RECORDS = 1_024  # the size of a new buffer
# Indexed by number, because hashing an enumeration member costs as much as packing a record.
_IS_USERS: Final = [kind in USER_KINDS for kind in range(max(Kind) + 1)]
_RECORD_BYTES: Final = RECORD_BYTES
_pack_into: Final = RECORD.pack_into


@final
class _Shard:
    """A file, and the records that will be written to it: the first `used` bytes of `buffer`."""

    __slots__ = ("buffer", "file", "name", "size", "used", "written")

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.size = _FIRST_RECORDS * _RECORD_BYTES
        self.buffer = bytearray(self.size)
        self.used = 0
        self.file = (folder / name).open("wb", buffering=0)
        self.written = 0

    def grow(self) -> None:
        """Double the buffer, which then stays as large as the busiest interval needs it."""
        self.buffer += bytes(self.size)
        self.size *= 2


@final
class HistoryWriter(Sink):
    """One worker's history files. `write` is the hot path: it packs, nothing else."""

    def __init__(self, folder: Path, worker: int) -> None:
        self._groups = [_Shard(folder, shard_name(worker, at)) for at in range(GROUPS_PER_WORKER)]
        self._users = _Shard(folder, user_shard_name(worker))

    def write(  # noqa: PLR0913, PLR0917 - the fields of a record, as core.history names them
        self,
        kind: int,
        t_ns: int,
        ref_ns: int,
        conv: int,
        link: int,
        peer: int,
        sseq: int,
        seq: int,
        flags: int,
        spare: int,
    ) -> None:
        """Append one record; `gauntlet.core.history` describes the fields of each kind."""
        shard = self._users if _IS_USERS[kind] else self._groups[conv % GROUPS_PER_WORKER]
        at = shard.used
        if at == shard.size:
            shard.grow()
        rows = shard.buffer
        try:
            _pack_into(rows, at, t_ns, ref_ns, conv, link, peer, sseq, seq, kind, flags, spare)
        except struct.error:  # a position or close code of the server that exceeds its field
            seq, spare = min(seq, _U32), min(spare, _U16)
            _pack_into(rows, at, t_ns, ref_ns, conv, link, peer, sseq, seq, kind, flags, spare)
        shard.used = at + _RECORD_BYTES

    def flush(self) -> None:
        """Write the buffered records to their files."""
        for shard in (*self._groups, self._users):
            if shard.used:
                shard.written += _write_all(shard)

    def counts(self) -> dict[str, int]:
        """The number of records written to each shard."""
        return {shard.name: shard.written // RECORD_BYTES for shard in (*self._groups, self._users)}

    def close(self) -> None:
        """Flush and close every file."""
        self.flush()
        for shard in (*self._groups, self._users):
            shard.file.close()


def _write_all(shard: _Shard) -> int:
    """Write all records; an unbuffered file may accept only a part of them at a time."""
    used, shard.used, at = shard.used, 0, 0
    while at < used:
        with memoryview(shard.buffer)[at:used] as rest:  # released, so that the buffer can grow
            at += shard.file.write(rest)
    return used
