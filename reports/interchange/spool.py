"""Where rows wait, on disk and by group of conversations, until the whole input was read.

A row is a record of the internal history with what can only be resolved at the end: who wrote the
message (`sender`, if the line says so), the checksum of its text, its position as the system gave
it, and the read that returned it.
"""

import struct
from pathlib import Path
from typing import IO

import numpy as np

from gauntlet.core.history import DTYPE
from gauntlet.reports.history.arrays import Records

GROUPS = 16
# Kinds of rows that only the spool has; records of other kinds keep their number.
READ = 201  # a page of history: `peer` entries follow with the same number in `read`
ENTRY = 202  # an entry of a page
NO_POSITION = (1 << 63) - 1  # in place of a position: it certainly has none
FIELDS = [*DTYPE, ("position", "<u8"), ("body", "<u4"), ("sender", "<u4"), ("read", "<u4")]
_ROW = struct.Struct("<qqIIIIIBBHQIII")


class Spool:
    """Appends rows to one file for each group of conversations."""

    def __init__(self, folder: Path) -> None:
        self._files = [folder / f"spool-{group}" for group in range(GROUPS)]
        self._streams: list[IO[bytes]] = [file.open("wb", 1 << 16) for file in self._files]

    def add(self, kind: int, t_ns: int, conv: int, **fields: int) -> None:
        """Append a row; `fields` are those of a record and of `FIELDS`, by default 0."""
        get = fields.get
        self._streams[conv % GROUPS].write(
            _ROW.pack(
                t_ns,
                get("ref_ns", 0),
                conv,
                get("link", 0),
                get("peer", 0),
                get("sseq", 0),
                get("seq", 0),
                kind,
                get("flags", 0),
                get("spare", 0),
                get("position", 0),
                get("body", 0),
                get("sender", 0),
                get("read", 0),
            )
        )

    def close(self) -> None:
        """Close the files."""
        for stream in self._streams:
            stream.close()

    def take(self, group: int) -> Records:
        """Return the rows of a group, sorted by time and then by line, and remove their file."""
        rows = np.fromfile(self._files[group], dtype=np.dtype(FIELDS))
        self._files[group].unlink()
        return rows[np.argsort(rows["t_ns"], kind="stable")]
