"""What a PostgreSQL that was killed leaves behind, without a PostgreSQL."""

import contextlib
import ctypes
import os
import struct
from pathlib import Path

import pytest

from gauntlet import postgres_memory

SERVER, LIST = 4711, 4_000_000_001
_HEADER_SIZE = 56
_LIBC = ctypes.CDLL(None)
_LIBC.shmat.restype = ctypes.c_void_p
_IPC_PRIVATE, _IPC_RMID = 0, 0


class DeadPostgres:
    """A segment, its list of files, and the files, all in the folder `files`."""

    def __init__(self, files: Path) -> None:
        self.files = files
        self.segment = _LIBC.shmget(_IPC_PRIVATE, _HEADER_SIZE, 0o600)
        assert self.segment >= 0
        with self.attached() as address:
            content = struct.pack("@iiNNI", 679834894, SERVER, 1 << 20, _HEADER_SIZE, LIST)
            ctypes.memmove(address, content, len(content))

    @contextlib.contextmanager
    def attached(self):
        """Use the segment as a process of the server does; yield its address."""
        address = _LIBC.shmat(self.segment, None, 0)
        try:
            yield address
        finally:
            _LIBC.shmdt(ctypes.c_void_p(address))

    @property
    def exists(self):
        """Whether the segment exists."""
        rows = [line.split() for line in postgres_memory.SEGMENTS.read_text().splitlines()]
        return str(self.segment) in {row[1] for row in rows}

    def write_files(self, *names, row_size=40, unused=()):
        """Create files, and the list of them; rows of `unused` names have no references."""
        rows = [(name, 1) for name in names] + [(name, 0) for name in unused]
        table = b"".join(struct.pack("@II", *row).ljust(row_size, b"\0") for row in rows)
        table = table.ljust(64 * row_size, b"\0")
        content = struct.pack("@III0N", 0x9A503D32, len(rows), 64) + table
        self.path(LIST).write_bytes(content)
        for name, _ in rows:
            self.path(name).touch()

    def path(self, name):
        """The path of the file with that number."""
        return self.files / f"PostgreSQL.{name}"

    def note(self, data, *, server=SERVER, key=0, segment=None):
        """Write `postmaster.pid` in a data folder as the server did."""
        data.mkdir(parents=True, exist_ok=True)
        number = self.segment if segment is None else segment
        lines = (server, data, 1796021924, 5432, "", "127.0.0.1", f"{key:9} {number:9}", "ready   ")
        (data / "postmaster.pid").write_text("".join(f"{line}\n" for line in lines))

    def remove(self):
        """Remove the segment, if it still exists."""
        _LIBC.shmctl(self.segment, _IPC_RMID, None)


@contextlib.contextmanager
def dead_postgres(monkeypatch, files):
    """Yield what a killed server left; the folder `files` stands for /dev/shm."""
    if not postgres_memory.SEGMENTS.exists() or not os.access(postgres_memory.SEGMENTS, os.R_OK):
        pytest.skip("this system does not list System V segments")
    files.mkdir()
    monkeypatch.setattr(postgres_memory, "FILES", files)
    left = DeadPostgres(files)
    try:
        yield left
    finally:
        left.remove()
