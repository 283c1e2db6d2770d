"""Removes the shared memory of a PostgreSQL that was killed and is not started again (Linux only).

A server that ends in order removes its shared memory, and one that starts removes that of a killed
predecessor in the same data folder. Nothing removes it when the folder is deleted instead. So this
does before what such a start would do: `postmaster.pid` in the data folder names a System V
segment; the segment names a file below /dev/shm; and that file lists all other files of the server.
The layouts are those of PostgreSQL 10 and later: `PGShmemHeader` in src/include/storage/pg_shmem.h,
and `dsm_control_header` in src/backend/storage/ipc/dsm.c.

Memory that may not be removed, because it belongs to another user, is named once in a warning.

Both the reference server and the harness use this module, which therefore imports neither.
"""

import contextlib
import ctypes
import functools
import logging
import os
import re
import stat
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

log = logging.getLogger(__name__)

SEGMENTS = Path("/proc/sysvipc/shm")
FILES = Path("/dev/shm")  # noqa: S108  # where the C library keeps POSIX shared memory
PID_FILE = "postmaster.pid"
# How long the last processes of a server may take to end after they were killed.
END_S = 2.0
_POLL_S = 0.02
_PID_FILE_MAX = 4096
_PID_LINE, _SEGMENT_LINE = 0, 6
_SERVER = re.compile(r"-?(\d+)")  # negative if the server has a single process, as in initdb
_SEGMENT = re.compile(r" *(\d+) +(\d+) *")
_KEY_BITS = 0xFFFF_FFFF  # the file may show a negative key as an unsigned number of 64 bits
# Magic number, process, total size, offset of the free part, name of the file with the list.
_HEADER, _HEADER_MAGIC = struct.Struct("@iiNNI"), 679834894
# Magic number, used and possible rows; the rows, of a size that depends on the version, follow.
_LIST, _LIST_MAGIC = struct.Struct("@III0N"), 0x9A503D32
_ROW = struct.Struct("@II")  # name of the file, references; no references: the row is unused
_SHM_RDONLY, _IPC_RMID = 0o10000, 0


class _Segment(NamedTuple):
    key: int
    id: int
    size: int
    attached: int
    owner: int


def remove_below(folder: Path) -> list[str]:
    """Do `remove` for each server whose data folder is at most three levels below `folder`.

    That is where a cluster has it: in the folder of a component, or of a disk of a component.
    """
    removed: list[str] = []
    for levels in ("data", "*/data", "*/*/data"):
        with contextlib.suppress(OSError):
            for file in folder.glob(f"{levels}/{PID_FILE}"):
                removed += remove(file.parent)
    return removed


def remove(data: Path, within_s: float = END_S) -> list[str]:
    """Remove the shared memory of a server that was killed, by its data folder; return its names.

    Nothing is removed while any process uses it; those that are ending have `within_s` seconds for
    that. A server that starts in the folder later does not miss anything.
    """
    deadline = time.monotonic() + within_s
    with contextlib.suppress(OSError):
        while (found := _find(data / PID_FILE)) is not None:
            server, segment = found
            if not segment.attached:
                try:
                    return _remove(server, segment)
                except PermissionError as error:
                    _warn(data, segment.id, os.strerror(error.errno or 0))
                    return []
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_S)
    return []


def _find(pid_file: Path) -> tuple[int, _Segment] | None:
    """Return the process id of a server, and the segment that it has noted, if that still exists.

    The segment has the key that the server has noted, and the owner of the file. Its id alone may
    have been used again, and is an old one where a server that replaced its segment after a crash
    could not note that because its disk was full. Only segments without a key need the id.
    """
    if not SEGMENTS.exists() or pid_file.is_symlink() or not pid_file.is_file():
        return None
    with pid_file.open("rb") as file:
        lines = file.read(_PID_FILE_MAX).decode("ascii", errors="replace").splitlines()
    if len(lines) <= _SEGMENT_LINE:  # it ended before it had any
        return None
    server = _SERVER.fullmatch(lines[_PID_LINE].strip())
    noted = _SEGMENT.fullmatch(lines[_SEGMENT_LINE])
    if server is None or noted is None:
        return None
    key, number = (int(digits) for digits in noted.groups())
    owner = pid_file.stat().st_uid
    for segment in _segments():
        same_key = segment.key & _KEY_BITS == key & _KEY_BITS
        if same_key and (key or segment.id == number) and segment.owner == owner:
            return int(server[1]), segment
    return None


def _segments() -> Iterator[_Segment]:
    for line in SEGMENTS.read_text().splitlines()[1:]:
        key, number, _, size, _, _, attached, owner, *_ = map(int, line.split())
        yield _Segment(key, number, size, attached, owner)


def _remove(server: int, segment: _Segment) -> list[str]:
    """Remove the files of a server, and last the segment, without which they are not found."""
    content = _read(segment)
    if content is None:
        return []
    magic, creator, _, _, control = _HEADER.unpack_from(content)
    if (magic, creator) != (_HEADER_MAGIC, server):
        return []
    removed: list[str] = []
    listing = _file(control)
    for path in (*map(_file, _listed(listing, segment.owner)), listing):
        if _is_owned(path, segment.owner):
            path.unlink(missing_ok=True)
            removed.append(path.name)
    _call("shmctl", segment.id, _IPC_RMID, None)
    return [*removed, f"System V segment {segment.id}"]


def _call(name: str, *arguments: Any) -> int:
    """Call a function of the C library; OSError if it returns -1."""
    function = ctypes.CDLL(None, use_errno=True)[name]
    function.restype = ctypes.c_ssize_t if name == "shmat" else ctypes.c_int
    result: int = function(*arguments)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


@functools.cache
def _warn(data: Path, segment: int, reason: str) -> None:
    """Say once what stays, and what to do."""
    log.warning(
        "the shared memory of the PostgreSQL that was killed in %s cannot be removed (System V "
        "segment %d: %s); its owner or root can remove it with `ipcrm -m %d`",
        data,
        segment,
        reason,
        segment,
    )


def _read(segment: _Segment) -> bytes | None:
    """Return how a segment begins; None if it is too small, OSError if it cannot be read."""
    if segment.size < _HEADER.size:
        return None
    address = _call("shmat", segment.id, None, _SHM_RDONLY)
    try:
        return ctypes.string_at(address, _HEADER.size)
    finally:
        _call("shmdt", ctypes.c_void_p(address))


def _listed(listing: Path, owner: int) -> Iterator[int]:
    """Yield the names that a list contains; none if the file is no list of this owner."""
    if not _is_owned(listing, owner):
        return
    content = listing.read_bytes()
    if len(content) < _LIST.size:
        return
    magic, used, possible = _LIST.unpack_from(content)
    if magic != _LIST_MAGIC or not 0 <= used <= possible or not possible:
        return
    size, rest = divmod(len(content) - _LIST.size, possible)
    if rest or size < _ROW.size:
        return
    for number in range(used):
        name, references = _ROW.unpack_from(content, _LIST.size + number * size)
        if references:
            yield name


def _file(name: int) -> Path:
    return FILES / f"PostgreSQL.{name}"


def _is_owned(path: Path, owner: int) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_uid == owner
