"""Writes the history: records into per-shard buffers, one unbuffered write per shard and flush."""

import struct
from pathlib import Path

from gauntlet.core.history import (
    GROUPS_PER_WORKER,
    RECORD,
    RECORD_BYTES,
    USER_KINDS,
    Kind,
    shard_name,
    user_shard_name,
)

_U32 = 0xFFFF_FFFF
_U16 = 0xFFFF
# Indexed by number, because hashing an enumeration member costs as much as packing a record.
_IS_USERS = [kind in USER_KINDS for kind in range(max(Kind) + 1)]
_pack = RECORD.pack


class _Shard:
    __slots__ = ("buffer", "file", "name", "written")

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.buffer = bytearray()
        self.file = (folder / name).open("wb", buffering=0)
        self.written = 0


class HistoryWriter:
    """One worker's history files. `add` is the hot path: it packs and appends, nothing else."""

    def __init__(self, folder: Path, worker: int) -> None:
        self._groups = [_Shard(folder, shard_name(worker, at)) for at in range(GROUPS_PER_WORKER)]
        self._users = _Shard(folder, user_shard_name(worker))

    def add(  # noqa: PLR0913, PLR0917 - the fields of a record, as core.history names them
        self,
        kind: int,
        t_ns: int,
        ref_ns: int = 0,
        conv: int = 0,
        link: int = 0,
        peer: int = 0,
        sseq: int = 0,
        seq: int = 0,
        flags: int = 0,
        spare: int = 0,
    ) -> None:
        """Append one record; `gauntlet.core.history` describes the fields of each kind."""
        shard = self._users if _IS_USERS[kind] else self._groups[conv % GROUPS_PER_WORKER]
        try:
            row = _pack(t_ns, ref_ns, conv, link, peer, sseq, seq, kind, flags, spare)
        except struct.error:  # a position or close code of the server that exceeds its field
            seq, spare = min(seq, _U32), min(spare, _U16)
            row = _pack(t_ns, ref_ns, conv, link, peer, sseq, seq, kind, flags, spare)
        shard.buffer += row

    def flush(self) -> None:
        """Write the buffered records to their files."""
        for shard in (*self._groups, self._users):
            if shard.buffer:
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
    """Write the whole buffer; an unbuffered file may accept only a part of it at a time."""
    taken, shard.buffer = shard.buffer, bytearray()
    view = memoryview(taken)
    while view:
        view = view[shard.file.write(view) :]
    return len(taken)
