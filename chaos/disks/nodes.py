"""The files and folders that the kernel knows, each by a number and an open descriptor."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from gauntlet.chaos.disks import wire
from gauntlet.chaos.disks.undo_log import Key


@dataclass
class Node:
    """A file or folder: a descriptor without access rights, and how often the kernel looked it up.

    A descriptor, unlike a path, still means the same file after a rename.
    """

    number: int
    path_descriptor: int
    key: Key
    lookups: int = 0

    @property
    def path(self) -> str:
        """A path by which the file can be opened, wherever it is now."""
        return f"/proc/self/fd/{self.path_descriptor}"

    def stat(self) -> os.stat_result:
        """Return its attributes; those of the link itself if it is a symbolic link."""
        return os.fstat(self.path_descriptor)


class Nodes:
    """All nodes by number, beginning with the folder that the disk passes everything on to."""

    def __init__(self, root: Path) -> None:
        descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        first = Node(wire.ROOT, descriptor, _key(os.fstat(descriptor)), lookups=1)
        self._by_number = {first.number: first}
        self._by_key = {first.key: first}
        self._next = wire.ROOT + 1

    def __getitem__(self, number: int) -> Node:
        return self._by_number[number]

    def look_up(self, parent: int, name: bytes) -> tuple[Node, os.stat_result]:
        """Return a child of a folder, which the kernel then knows once more; OSError."""
        flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, dir_fd=self[parent].path_descriptor)
        try:
            found = os.fstat(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        node = self._by_key.get(_key(found))
        if node is None:
            node = Node(self._next, descriptor, _key(found))
            self._next += 1
            self._by_number[node.number] = self._by_key[node.key] = node
        else:
            os.close(descriptor)
        node.lookups += 1
        return node, found

    def forget(self, number: int, lookups: int) -> None:
        """Note that the kernel has forgotten so many look-ups, and close what it forgot."""
        node = self._by_number.get(number)
        if node is None or number == wire.ROOT:
            return
        node.lookups -= lookups
        if node.lookups <= 0:
            os.close(node.path_descriptor)
            del self._by_number[number]
            del self._by_key[node.key]


def regular_key(parent: Node, name: bytes) -> Key | None:
    """Return the key of a regular file that has no other name; None if there is no such file."""
    try:
        found = os.stat(name, dir_fd=parent.path_descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return _key(found) if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 else None


def key_of(handle: int) -> Key:
    """Return the key of an open file."""
    return _key(os.fstat(handle))


def _key(found: os.stat_result) -> Key:
    return found.st_dev, found.st_ino
