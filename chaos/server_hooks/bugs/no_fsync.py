"""Seeded bug: commits are not synced to the disk (SQLite's `synchronous = OFF`).

What a process has written survives its kill, because the operating system holds it. Only a loss of
power shows that it never was on the disk. PostgreSQL, the database of `full`, is not affected.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from gauntlet.reference_server.store import sqlite as store


def install() -> None:
    """Switch syncing off in every connection that is opened from now on."""
    original_open = store._open  # noqa: SLF001  # a seeded bug replaces internals

    def open_without_syncs(path: Path, schema: Sequence[str]) -> sqlite3.Connection:
        db = original_open(path, schema)
        db.execute("PRAGMA synchronous = OFF")
        return db

    store._open = open_without_syncs  # noqa: SLF001  # a seeded bug replaces internals
