"""The part of the kernel's FUSE protocol that the disks need: numbers and structures.

The names are those of `linux/fuse.h`. Numbers have the byte order of the machine.
"""

import enum
import os
import struct
from typing import NamedTuple

MAJOR, MINOR = 7, 31
WRITE_BYTES_MAX = 1 << 17
REQUEST_BYTES_MAX = WRITE_BYTES_MAX + 4096

HEADER_IN = struct.Struct("=IIQQIIIHH")  # length, opcode, unique, node, uid, gid, pid, extension
HEADER_OUT = struct.Struct("=IiQ")  # length, error, unique
INIT_IN = struct.Struct("=IIII")
_INIT_OUT = struct.Struct("=IIIIHHIIHHI28x")
_ATTRIBUTES = struct.Struct("=QQQQQQIIIIIIIIII")
_VALIDITY_OF_ENTRY = struct.Struct("=QQQQII")
_VALIDITY_OF_ATTRIBUTES = struct.Struct("=QII")
SETATTR_IN = struct.Struct("=IIQQQQQQIIIIIIII")
OPEN_IN = struct.Struct("=II")
OPEN_OUT = struct.Struct("=QIi")
CREATE_IN = struct.Struct("=IIII")
MKNOD_IN = struct.Struct("=IIII")
MKDIR_IN = struct.Struct("=II")
RENAME_IN = struct.Struct("=Q")
RENAME2_IN = struct.Struct("=QII")
LINK_IN = struct.Struct("=Q")
READ_IN = struct.Struct("=QQIIQII")  # handle, offset, size
WRITE_IN = struct.Struct("=QQIIQII")  # handle, offset, size
WRITE_OUT = struct.Struct("=II")
RELEASE_IN = struct.Struct("=QIIQ")
FSYNC_IN = struct.Struct("=QII")
FORGET_IN = struct.Struct("=Q")
BATCH_FORGET_IN = struct.Struct("=II")
FORGET_ONE = struct.Struct("=QQ")
STATFS_OUT = struct.Struct("=QQQQQIIII24x")
_DIRENT = struct.Struct("=QQII")

ROOT = 1
# Flags of INIT: writes of more than a page, and `max_pages` in the answer.
_BIG_WRITES, _MAX_PAGES = 1 << 5, 1 << 22
_PAGE = 4096
_BACKGROUND, _CONGESTED = 16, 12


class Opcode(enum.IntEnum):
    """The kinds of requests; the kernel is told that all others do not exist."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    SETATTR = 4
    READLINK = 5
    SYMLINK = 6
    MKNOD = 8
    MKDIR = 9
    UNLINK = 10
    RMDIR = 11
    RENAME = 12
    LINK = 13
    OPEN = 14
    READ = 15
    WRITE = 16
    STATFS = 17
    RELEASE = 18
    FSYNC = 20
    FLUSH = 25
    INIT = 26
    OPENDIR = 27
    READDIR = 28
    RELEASEDIR = 29
    FSYNCDIR = 30
    CREATE = 35
    INTERRUPT = 36
    DESTROY = 38
    BATCH_FORGET = 42
    RENAME2 = 45


# The kernel expects no answer to these.
UNANSWERED = frozenset({Opcode.FORGET, Opcode.BATCH_FORGET, Opcode.INTERRUPT})


class SetAttributes(enum.IntFlag):
    """What a SETATTR changes (`FATTR_…`)."""

    MODE = 1
    UID = 2
    GID = 4
    SIZE = 8
    ATIME = 16
    MTIME = 32
    HANDLE = 64
    ATIME_NOW = 128
    MTIME_NOW = 256


class Request(NamedTuple):
    """One request of the kernel; `body` follows the header."""

    opcode: int
    unique: int
    node: int
    uid: int
    gid: int
    body: memoryview


def parse(data: memoryview) -> Request:
    """Return the request that was read from the device."""
    _, opcode, unique, node, uid, gid, _, _, _ = HEADER_IN.unpack_from(data)
    return Request(opcode, unique, node, uid, gid, data[HEADER_IN.size :])


def names(body: memoryview, offset: int = 0) -> list[bytes]:
    """Return the strings, each ended by a zero byte, from `offset` on."""
    return bytes(body[offset:]).split(b"\0")[:-1]


def answer(unique: int, content: bytes = b"", error: int = 0) -> bytes:
    """Return an answer; `error` is an errno, or 0."""
    return HEADER_OUT.pack(HEADER_OUT.size + len(content), -error, unique) + content


def init_out(readahead_bytes: int) -> bytes:
    """Return the answer to INIT: the version that we speak, and the size of writes."""
    return _INIT_OUT.pack(
        MAJOR,
        MINOR,
        readahead_bytes,
        _BIG_WRITES | _MAX_PAGES,
        _BACKGROUND,
        _CONGESTED,
        WRITE_BYTES_MAX,
        1,
        WRITE_BYTES_MAX // _PAGE,
        0,
        0,
    )


def attributes(found: os.stat_result) -> bytes:
    """Return a `fuse_attr`."""
    times_ns = (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns)
    return _ATTRIBUTES.pack(
        found.st_ino,
        found.st_size,
        found.st_blocks,
        *(each // 1_000_000_000 for each in times_ns),
        *(each % 1_000_000_000 for each in times_ns),
        found.st_mode,
        found.st_nlink,
        found.st_uid,
        found.st_gid,
        found.st_rdev & 0xFFFFFFFF,
        found.st_blksize,
        0,
    )


def attr_out(found: os.stat_result) -> bytes:
    """Return attributes that the kernel must ask for again: a loss of power changes them."""
    return _VALIDITY_OF_ATTRIBUTES.pack(0, 0, 0) + attributes(found)


def entry_out(node: int, found: os.stat_result) -> bytes:
    """Return the answer to a look-up, which the kernel must ask for again."""
    return _VALIDITY_OF_ENTRY.pack(node, 0, 0, 0, 0, 0) + attributes(found)


def dirent(inode: int, next_offset: int, kind: int, name: bytes) -> bytes:
    """Return one entry of a folder, filled up to a multiple of 8 bytes."""
    entry = _DIRENT.pack(inode, next_offset, len(name), kind) + name
    return entry + b"\0" * (-len(entry) % 8)
