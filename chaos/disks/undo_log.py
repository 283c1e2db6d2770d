"""What a loss of power undoes: the old content of all that was changed since the last fsync.

The model is that of ext4 with its default options (`data=ordered`, `auto_da_alloc`): names are
durable at once, as after a commit of the journal, and the content of a file when it is synced or
when the file replaces another one by a rename. A new file that was never synced is then empty.
"""

import os
import random
from dataclasses import dataclass, field

BLOCK = 4096
Key = tuple[int, int]  # device and inode


@dataclass
class _Changed:
    """A file with changes that are not durable. `old` holds blocks as they were at the last sync.

    `new` are the blocks beyond that size which have been written to.
    """

    handle: int
    size: int
    old: dict[int, bytes] = field(default_factory=dict)
    new: set[int] = field(default_factory=set)


@dataclass
class Lost:
    """What a loss of power took: `files` had changes, and `blocks` of 4 KiB of them were undone."""

    files: int = 0
    blocks: int = 0
    kept_blocks: int = 0


class UndoLog:
    """The changes that are not durable, of all files. Its user excludes concurrent calls."""

    def __init__(self) -> None:
        self._changed: dict[Key, _Changed] = {}

    def note(self, handle: int, start: int, end: int | None) -> None:
        """Keep what a change of the bytes from `start` to `end` (None: all) is going to replace."""
        found = os.fstat(handle)
        changed = self._changed.get((found.st_dev, found.st_ino))
        if changed is None:
            copy = os.open(f"/proc/self/fd/{handle}", os.O_RDWR | os.O_CLOEXEC)
            changed = self._changed[found.st_dev, found.st_ino] = _Changed(copy, found.st_size)
        last = changed.size if end is None else min(end, changed.size)
        for block in range(start // BLOCK, -(-last // BLOCK)):
            if block not in changed.old:
                length = min(BLOCK, changed.size - block * BLOCK)
                changed.old[block] = os.pread(changed.handle, length, block * BLOCK)
        if end is not None and end > changed.size:
            changed.new.update(range(max(start, changed.size) // BLOCK, -(-end // BLOCK)))

    def durable(self, key: Key) -> None:
        """Forget the changes of a file: they are on the disk now, or the file is gone."""
        if (changed := self._changed.pop(key, None)) is not None:
            os.close(changed.handle)

    def all_durable(self) -> None:
        """Forget all changes."""
        for key in list(self._changed):
            self.durable(key)

    def lose(self, torn: float = 0.0, draw: random.Random | None = None) -> Lost:
        """Undo all changes, except for a random share `torn` of the blocks."""
        lost = Lost(files=len(self._changed))
        draw = draw or random.Random(0)
        for changed in self._changed.values():
            _undo(changed, lost, torn, draw)
        self.all_durable()
        return lost


def _undo(changed: _Changed, lost: Lost, torn: float, draw: random.Random) -> None:
    size = changed.size
    reached = os.fstat(changed.handle).st_size
    for block, old in changed.old.items():
        # A block that the file does not have any more cannot have been written.
        if torn and block * BLOCK < reached and draw.random() < torn:
            lost.kept_blocks += 1
        else:
            os.pwrite(changed.handle, old, block * BLOCK)
            lost.blocks += 1
    for block in sorted(changed.new):
        if torn and draw.random() < torn:
            lost.kept_blocks += 1
            size = max(size, min(reached, (block + 1) * BLOCK))
        elif block * BLOCK >= changed.size:
            _clear(changed.handle, block, reached)
            lost.blocks += 1
    os.ftruncate(changed.handle, size)


def _clear(handle: int, block: int, reached: int) -> None:
    """Make a block read as zeros, if a later one that was written makes it part of the file."""
    if (length := min(BLOCK, reached - block * BLOCK)) > 0:
        os.pwrite(handle, bytes(length), block * BLOCK)
