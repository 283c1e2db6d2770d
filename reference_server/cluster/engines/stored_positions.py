"""Reads which positions the messages DB holds, past the services, and writes them as a trail."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from gauntlet.reference_server.cluster.engines.python_process import Wiring, database
from gauntlet.reference_server.core import trail
from gauntlet.reference_server.core.trail import Positions

FILE = "messages-db.jsonl"
STORED = "stored"
READ_TIMEOUT_S = 5.0
ROWS_MAX = 2_000_000
_POSITIONS = f"SELECT conv, seq FROM messages ORDER BY conv, seq LIMIT {ROWS_MAX + 1}"  # noqa: S608 - a constant
_SQLITE = "sqlite:///"

log = logging.getLogger(__name__)


async def write_trail(wiring: Wiring) -> None:
    """Write what the messages DB holds, if trails are wanted; a failure is only logged."""
    if not wiring.trail_dir:
        return
    hosts = wiring.plan.hosting("message")
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            found = await _read(database("messages", hosts[0], wiring))
    except Exception as error:  # noqa: BLE001 - whatever a driver raises: the cluster ends anyway
        log.warning("the positions in the messages DB cannot be read: %r", error)
        return
    await asyncio.to_thread(trail.write_rows, Path(wiring.trail_dir) / FILE, rows(found))


def rows(found: list[tuple[str, int]]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the file for positions that are sorted."""
    positions = Positions()
    for conv, seq in found[:ROWS_MAX]:
        positions.add((conv,), seq)
    full = [STORED] if positions.is_full or len(found) > ROWS_MAX else []
    yield {"row": "store", "name": "messages-db", "until_ns": time.monotonic_ns(), "full": full}
    count = 2
    for (conv,), intervals in positions.rows():
        count += 1
        yield {"row": STORED, "conv": conv, "seqs": intervals}
    yield {"row": "end", "rows": count}


async def _read(url: str) -> list[tuple[str, int]]:
    if url.startswith(_SQLITE):
        return await asyncio.to_thread(_read_sqlite, "/" + url.removeprefix(_SQLITE).lstrip("/"))
    # Only here, because the embedded stack needs no driver of PostgreSQL.
    import asyncpg

    connection = await asyncpg.connect(url, timeout=READ_TIMEOUT_S)
    try:
        return _pairs(await connection.fetch(_POSITIONS))
    finally:
        await connection.close(timeout=1.0)


def _read_sqlite(path: str) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return _pairs(db.execute(_POSITIONS))


def _pairs(found: Iterable[Any]) -> list[tuple[str, int]]:
    return [(conv, seq) for conv, seq in found]
