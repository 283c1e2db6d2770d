"""How many bytes the databases of a booted stack hold."""

import contextlib
import os
import sqlite3
import stat
import struct
from pathlib import Path

from gauntlet.chaos.disks.disks import DISKS, FILES

_SUFFIX = ".db"
_SQLITE = b"SQLite format 3\0"
_POSTGRES = "PG_VERSION"
_TABLES = "base"  # of PostgreSQL; its log of transactions is beside it, and is reused


def database_bytes(folder: Path) -> dict[str, int]:
    """Return the size of each database below the data folder of a stack, by its name.

    PostgreSQL may run as another user, whose data is then in folders beside it. So is the data on
    disks of its own, on which faults act: what a disk stores is measured without asking the disk.
    """
    sizes = {}
    for file in sorted(folder.glob(f"*{_SUFFIX}")):
        if (size := sqlite_bytes(file)) is not None:
            sizes[f"{file.stem}-db"] = size
    for marker in sorted(folder.glob(f"*/data/{_POSTGRES}")):
        sizes[marker.parents[1].name] = tree_bytes(marker.parent / _TABLES)
    for marker in sorted(folder.parent.glob(f"{folder.name}-*/data/{_POSTGRES}")):
        name, _, _random = marker.parents[1].name.removeprefix(f"{folder.name}-").rpartition("-")
        sizes[name] = tree_bytes(marker.parent / _TABLES)
    disks = folder.with_name(f"{folder.name}{DISKS}")
    for file in sorted(disks.glob(f"*{FILES}/*{_SUFFIX}")):
        if (size := _checkpointed_bytes(file)) is not None:
            sizes[f"{file.stem}-db"] = size
    for marker in sorted(disks.glob(f"*{FILES}/data/{_POSTGRES}")):
        sizes[marker.parents[1].name.removesuffix(FILES)] = tree_bytes(marker.parent / _TABLES)
    return sizes


def sqlite_bytes(file: Path) -> int | None:
    """Return the size of the committed content of a SQLite database; None if it cannot be read.

    Neither the size of the file nor that of its write-ahead log tells it.
    """
    with contextlib.suppress(sqlite3.Error):
        uri = f"{file.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=0.1)) as connection:
            pages, size = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "page_size")
            )
            return int(pages) * int(size)
    return None


def _checkpointed_bytes(file: Path) -> int | None:
    """Return the size of a SQLite database at its last checkpoint; None if it is none.

    SQLite itself must not open the files behind a disk: it would not see the locks on the disk.
    """
    with contextlib.suppress(OSError, struct.error):
        with file.open("rb") as opened:
            header = opened.read(32)
        if header.startswith(_SQLITE):
            page, pages = map(int, struct.unpack(">16xH10xI", header))
            return pages * (65536 if page == 1 else page)
    return None


def tree_bytes(folder: Path) -> int:
    """Return the sum of the sizes of all files below a folder; files may vanish meanwhile."""
    total = 0
    for parent, _, names in os.walk(folder):  # which leaves out folders that have vanished
        for name in names:
            with contextlib.suppress(OSError):
                found = Path(parent, name).lstat()
                total += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return total
