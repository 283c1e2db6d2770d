"""Transfers a worker's files to the master's run directory.

The worker sends a manifest with sizes and checksums. The master fetches each file in chunks into a
temporary folder, and moves it into place only when it is complete. It accepts only files that
belong to the worker, and no more than fits on the disk.
"""

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gauntlet.core.errors import HistoryError
from gauntlet.core.run_directory import RunDir

CHUNK_BYTES = 512 * 1024
PART_BYTES_MAX = 64 * 2**30
_ROOM_FACTOR = 1.05  # of the transferred bytes: the report needs some space as well
_APPENDED = "links.jsonl"  # all workers of a run append to this file


class ManifestEntry(NamedTuple):
    """One file of a worker, by its path in the run directory."""

    name: str
    size: int
    sha256: str


Fetch = Callable[[str, int, int], bytes]  # name, offset, length


def manifest(run: RunDir, worker: int) -> list[ManifestEntry]:
    """The files of a worker, after it has stopped writing them."""
    found = (str(file.relative_to(run.path)) for file in run.path.rglob("*") if file.is_file())
    names = sorted(name for name in found if _is_of(name, worker))
    return [ManifestEntry(name, *_measure(run.path / name)) for name in names]


def read_chunk(run: RunDir, worker: int, name: str, offset: int, length: int) -> bytes:
    """Read some bytes of a worker's file; HistoryError if it is not one of its files."""
    if not _is_of(name, worker):
        raise HistoryError(f"{name} is no file of worker {worker}")
    with (run.path / name).open("rb") as file:
        file.seek(offset)
        return file.read(min(length, CHUNK_BYTES))


def receive(run: RunDir, worker: int, declared: list[ManifestEntry], fetch: Fetch) -> int:
    """Fetch a worker's files into the run directory, and return their size in bytes.

    After a HistoryError, none of them is in place.
    """
    total = sum(one.size for one in declared)
    _check(run, worker, declared, total)
    incoming = run.path / f"incoming-w{worker}"
    incoming.mkdir(exist_ok=True)
    try:
        for number, one in enumerate(declared):
            _fetch(one, incoming / str(number), fetch)
        for number, one in enumerate(declared):
            _put(run, one.name, incoming / str(number))
    finally:
        shutil.rmtree(incoming)
    return total


def _check(run: RunDir, worker: int, declared: list[ManifestEntry], total: int) -> None:
    strange = next((one.name for one in declared if not _is_of(one.name, worker)), None)
    if strange is not None:
        raise HistoryError(f"it offers {strange}, which is no file of worker {worker}")
    free = shutil.disk_usage(run.path).free
    if total > PART_BYTES_MAX or total * _ROOM_FACTOR > free:
        raise HistoryError(f"its part has {total:,} bytes, and there is room for {free:,}")


def _fetch(one: ManifestEntry, file: Path, fetch: Fetch) -> None:
    digest = hashlib.sha256()
    taken = 0
    with file.open("wb") as out:
        while taken < one.size:
            got = fetch(one.name, taken, min(CHUNK_BYTES, one.size - taken))
            if not got or taken + len(got) > one.size:
                raise HistoryError(f"{one.name} ends after {taken:,} of {one.size:,} bytes")
            out.write(got)
            digest.update(got)
            taken += len(got)
    if digest.hexdigest() != one.sha256:
        raise HistoryError(f"{one.name} came with another checksum than was declared")


def _put(run: RunDir, name: str, file: Path) -> None:
    if name == _APPENDED:
        with (run.path / name).open("ab", buffering=0) as rows:
            rows.write(file.read_bytes())
    else:
        file.replace(run.path / name)


def _measure(file: Path) -> tuple[int, str]:
    with file.open("rb") as stream:
        return file.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest()


def _is_of(name: str, worker: int) -> bool:
    own = (
        rf"history/w{worker}-\w+\.bin|latency/[\w-]+-w{worker}\.hdr|events/load-{worker}\.jsonl"
        rf"|logs/trace-{worker}\.jsonl"
    )
    return re.fullmatch(rf"{own}|{re.escape(_APPENDED)}", name) is not None
