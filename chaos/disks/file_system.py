"""Answers the requests of one disk: passes them on to a folder, unless its condition forbids it."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from gauntlet.chaos.disks import wire
from gauntlet.chaos.disks.condition import DiskState
from gauntlet.chaos.disks.nodes import Node, Nodes, key_of, regular_key
from gauntlet.chaos.disks.undo_log import UndoLog
from gauntlet.chaos.disks.wire import Opcode, Request, SetAttributes

_NAME_BYTES_MAX = 255
_RENAME_NOREPLACE = 1


class FileSystem:
    """The requests that change or read files. OSErrors are those that the caller gets."""

    def __init__(self, folder: Path, state: DiskState, undo: UndoLog) -> None:
        self._state = state
        self._undo = undo
        self._nodes = Nodes(folder)
        self._folders: dict[int, list[os.DirEntry[bytes]]] = {}
        self._next_folder = 1
        self._is_root = os.geteuid() == 0
        self._handlers: dict[int, Callable[[Request], bytes]] = {
            Opcode.INIT: _init,
            Opcode.LOOKUP: self._look_up,
            Opcode.FORGET: self._forget,
            Opcode.BATCH_FORGET: self._forget_many,
            Opcode.GETATTR: self._get_attributes,
            Opcode.SETATTR: self._set_attributes,
            Opcode.READLINK: self._read_link,
            Opcode.SYMLINK: self._link_symbolically,
            Opcode.MKNOD: self._make_node,
            Opcode.MKDIR: self._make_folder,
            Opcode.UNLINK: self._unlink,
            Opcode.RMDIR: self._remove_folder,
            Opcode.RENAME: self._rename,
            Opcode.RENAME2: self._rename_with_flags,
            Opcode.LINK: self._link,
            Opcode.OPEN: self._open,
            Opcode.CREATE: self._create,
            Opcode.READ: self._read,
            Opcode.WRITE: self._write,
            Opcode.STATFS: self._statistics,
            Opcode.RELEASE: self._release,
            Opcode.FSYNC: self._sync,
            Opcode.FLUSH: _answer_nothing,
            Opcode.FSYNCDIR: self._sync_folder,
            Opcode.INTERRUPT: _answer_nothing,
            Opcode.DESTROY: _answer_nothing,
            Opcode.OPENDIR: self._open_folder,
            Opcode.READDIR: self._read_folder,
            Opcode.RELEASEDIR: self._release_folder,
        }

    def handle(self, request: Request) -> bytes:
        """Return the content of the answer; OSError."""
        handler = self._handlers.get(request.opcode)
        if handler is None:
            raise OSError(errno.ENOSYS, "")
        return handler(request)

    # Names.

    def _look_up(self, request: Request) -> bytes:
        return self._entry(request.node, wire.names(request.body)[0])

    def _entry(self, parent: int, name: bytes) -> bytes:
        node, found = self._nodes.look_up(parent, name)
        return wire.entry_out(node.number, found)

    def _created(self, request: Request, name: bytes) -> bytes:
        """Give what root created for a user to that user, and return its entry."""
        if self._is_root:
            parent = self._nodes[request.node].path_descriptor
            os.chown(name, request.uid, request.gid, dir_fd=parent, follow_symlinks=False)
        return self._entry(request.node, name)

    def _forget(self, request: Request) -> bytes:
        self._nodes.forget(request.node, *wire.FORGET_IN.unpack_from(request.body))
        return b""

    def _forget_many(self, request: Request) -> bytes:
        count, _ = wire.BATCH_FORGET_IN.unpack_from(request.body)
        for index in range(count):
            offset = wire.BATCH_FORGET_IN.size + index * wire.FORGET_ONE.size
            self._nodes.forget(*wire.FORGET_ONE.unpack_from(request.body, offset))
        return b""

    def _make_node(self, request: Request) -> bytes:
        mode, device, _, _ = wire.MKNOD_IN.unpack_from(request.body)
        (name,) = wire.names(request.body, wire.MKNOD_IN.size)
        self._state.check("write")
        os.mknod(name, mode, device, dir_fd=self._nodes[request.node].path_descriptor)
        return self._created(request, name)

    def _make_folder(self, request: Request) -> bytes:
        mode, _ = wire.MKDIR_IN.unpack_from(request.body)
        (name,) = wire.names(request.body, wire.MKDIR_IN.size)
        self._state.check("write")
        os.mkdir(name, mode, dir_fd=self._nodes[request.node].path_descriptor)
        return self._created(request, name)

    def _link_symbolically(self, request: Request) -> bytes:
        name, target = wire.names(request.body)
        self._state.check("write")
        os.symlink(target, name, dir_fd=self._nodes[request.node].path_descriptor)
        return self._created(request, name)

    def _link(self, request: Request) -> bytes:
        (number,) = wire.LINK_IN.unpack_from(request.body)
        (name,) = wire.names(request.body, wire.LINK_IN.size)
        self._state.check("write")
        parent = self._nodes[request.node].path_descriptor
        os.link(self._nodes[number].path, name, dst_dir_fd=parent, follow_symlinks=True)
        return self._entry(request.node, name)

    def _read_link(self, request: Request) -> bytes:
        return os.readlink(b"", dir_fd=self._nodes[request.node].path_descriptor)

    def _unlink(self, request: Request) -> bytes:
        (name,) = wire.names(request.body)
        self._state.check("change")
        parent = self._nodes[request.node]
        with self._state.lock:
            gone = regular_key(parent, name)
            os.unlink(name, dir_fd=parent.path_descriptor)
            if gone is not None:
                self._undo.durable(gone)
        return b""

    def _remove_folder(self, request: Request) -> bytes:
        (name,) = wire.names(request.body)
        self._state.check("change")
        os.rmdir(name, dir_fd=self._nodes[request.node].path_descriptor)
        return b""

    def _rename(self, request: Request) -> bytes:
        (folder,) = wire.RENAME_IN.unpack_from(request.body)
        return self._rename_to(request, folder, *wire.names(request.body, wire.RENAME_IN.size))

    def _rename_with_flags(self, request: Request) -> bytes:
        folder, flags, _ = wire.RENAME2_IN.unpack_from(request.body)
        old, new = wire.names(request.body, wire.RENAME2_IN.size)
        if flags == _RENAME_NOREPLACE:
            target = self._nodes[folder].path_descriptor
            if _exists(new, target):
                raise OSError(errno.EEXIST, "")
        elif flags:
            raise OSError(errno.EINVAL, "")
        return self._rename_to(request, folder, old, new)

    def _rename_to(self, request: Request, folder: int, old: bytes, new: bytes) -> bytes:
        """Rename; a file that replaces another one is synced by that, as on ext4."""
        self._state.check("change")
        source, target = self._nodes[request.node], self._nodes[folder]
        with self._state.lock:
            moved, replaced = regular_key(source, old), regular_key(target, new)
            os.rename(
                old, new, src_dir_fd=source.path_descriptor, dst_dir_fd=target.path_descriptor
            )
            if replaced is not None:
                for key in (moved, replaced):
                    if key is not None:
                        self._undo.durable(key)
        return b""

    # Attributes.

    def _get_attributes(self, request: Request) -> bytes:
        return wire.attr_out(self._nodes[request.node].stat())

    def _set_attributes(self, request: Request) -> bytes:
        fields = wire.SETATTR_IN.unpack_from(request.body)
        wanted, handle, size = SetAttributes(fields[0]), fields[2], fields[3]
        mode, owner = fields[11], fields[13:15]
        node = self._nodes[request.node]
        if stat.S_ISLNK(node.stat().st_mode):
            raise OSError(errno.EOPNOTSUPP, "")
        self._state.check("change")
        if SetAttributes.SIZE in wanted:
            self._truncate(node.path, handle if SetAttributes.HANDLE in wanted else None, size)
        if SetAttributes.MODE in wanted:
            Path(node.path).chmod(stat.S_IMODE(mode))
        if wanted & (SetAttributes.UID | SetAttributes.GID):
            uid, gid = (
                value if flag in wanted else -1
                for flag, value in zip((SetAttributes.UID, SetAttributes.GID), owner, strict=True)
            )
            os.chown(node.path, uid, gid)
        if wanted & (SetAttributes.ATIME | SetAttributes.MTIME):
            _set_times(node, wanted, fields)
        return wire.attr_out(node.stat())

    def _truncate(self, path: str, handle: int | None, size: int) -> None:
        own = os.open(path, os.O_RDWR | os.O_CLOEXEC) if handle is None else handle
        try:
            with self._state.lock:
                if size > os.fstat(own).st_size:
                    self._state.check("write")
                self._undo.note(own, size, None)
                os.ftruncate(own, size)
        finally:
            if handle is None:
                os.close(own)

    def _statistics(self, request: Request) -> bytes:
        found = os.statvfs(self._nodes[request.node].path)
        free = 0 if self._state.condition.full else found.f_bfree
        available = 0 if self._state.condition.full else found.f_bavail
        return wire.STATFS_OUT.pack(
            found.f_blocks,
            free,
            available,
            found.f_files,
            found.f_ffree,
            found.f_bsize,
            _NAME_BYTES_MAX,
            found.f_frsize,
            0,
        )

    # Content.

    def _open(self, request: Request) -> bytes:
        flags, _ = wire.OPEN_IN.unpack_from(request.body)
        if flags & os.O_ACCMODE != os.O_RDONLY and self._state.condition.read_only:
            self._state.check("change")
        # The kernel computes where an append goes, and reads whole pages of files that are written.
        mode = os.O_RDONLY if flags & os.O_ACCMODE == os.O_RDONLY else os.O_RDWR
        handle = os.open(self._nodes[request.node].path, mode | os.O_CLOEXEC)
        self._state.counts.opens += 1
        return wire.OPEN_OUT.pack(handle, 0, 0)

    def _create(self, request: Request) -> bytes:
        flags, mode, _, _ = wire.CREATE_IN.unpack_from(request.body)
        (name,) = wire.names(request.body, wire.CREATE_IN.size)
        self._state.check("write")
        parent = self._nodes[request.node].path_descriptor
        created = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | (flags & os.O_EXCL)
        handle = os.open(name, created, mode, dir_fd=parent)
        try:
            entry = self._created(request, name)
        except OSError:
            os.close(handle)  # the kernel gets no handle that it could release
            raise
        self._state.counts.opens += 1
        return entry + wire.OPEN_OUT.pack(handle, 0, 0)

    def _read(self, request: Request) -> bytes:
        handle, offset, size, *_ = wire.READ_IN.unpack_from(request.body)
        if not self._state.condition.power:
            raise OSError(errno.EIO, "")
        return os.pread(handle, size, offset)

    def _write(self, request: Request) -> bytes:
        handle, offset, size, *_ = wire.WRITE_IN.unpack_from(request.body)
        content = request.body[wire.WRITE_IN.size : wire.WRITE_IN.size + size]
        with self._state.lock:
            self._state.check("write")
            self._undo.note(handle, offset, offset + size)
            written = os.pwrite(handle, content, offset)
        self._state.counts.writes += 1
        return wire.WRITE_OUT.pack(written, 0)

    def _sync(self, request: Request) -> bytes:
        """Make a file durable. Its changes may be lost until the moment before this returns."""
        handle, _, _ = wire.FSYNC_IN.unpack_from(request.body)
        self._state.delay_sync()
        with self._state.lock:
            self._state.check("sync")
        os.fdatasync(handle)
        with self._state.lock:
            self._state.check("sync")  # the power may have failed meanwhile
            self._undo.durable(key_of(handle))
        self._state.counts.syncs += 1
        return b""

    def _release(self, request: Request) -> bytes:
        handle, *_ = wire.RELEASE_IN.unpack_from(request.body)
        os.close(handle)
        return b""

    # Folders.

    def _open_folder(self, request: Request) -> bytes:
        number, self._next_folder = self._next_folder, self._next_folder + 1
        with os.scandir(os.fsencode(self._nodes[request.node].path)) as entries:
            self._folders[number] = list(entries)
        return wire.OPEN_OUT.pack(number, 0, 0)

    def _read_folder(self, request: Request) -> bytes:
        number, offset, size, *_ = wire.READ_IN.unpack_from(request.body)
        content = bytearray()
        for index, entry in enumerate(self._folders[number][offset:], offset + 1):
            row = wire.dirent(entry.inode(), index, 0, entry.name)
            if len(content) + len(row) > size:
                break
            content += row
        return bytes(content)

    def _sync_folder(self, request: Request) -> bytes:
        """Do as for a file what the condition wants. The names in a folder are durable at once."""
        self._state.delay_sync()
        with self._state.lock:
            self._state.check("sync")
        return b""

    def _release_folder(self, request: Request) -> bytes:
        number, *_ = wire.RELEASE_IN.unpack_from(request.body)
        del self._folders[number]
        return b""


def _set_times(node: Node, wanted: SetAttributes, fields: tuple[int, ...]) -> None:
    """Set the times of access and change that a SETATTR contains."""
    if wanted & (SetAttributes.ATIME_NOW | SetAttributes.MTIME_NOW):
        os.utime(node.path)
        return
    known = node.stat()
    access_ns, change_ns = (
        seconds * 1_000_000_000 + part_ns if flag in wanted else before_ns
        for flag, seconds, part_ns, before_ns in zip(
            (SetAttributes.ATIME, SetAttributes.MTIME),
            fields[5:7],
            fields[8:10],
            (known.st_atime_ns, known.st_mtime_ns),
            strict=True,
        )
    )
    os.utime(node.path, ns=(access_ns, change_ns))


def _init(request: Request) -> bytes:
    _, _, readahead_bytes, _ = wire.INIT_IN.unpack_from(request.body)
    return wire.init_out(readahead_bytes)


def _answer_nothing(_: Request) -> bytes:
    return b""


def _exists(name: bytes, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
