"""The messages DB: its schema and the reads that all SQL engines share.

`changed` and `members_changed` hold the engine's commit marker of a conversation's last change.
Each engine defines its markers such that `heads_since` never misses a commit.
"""
# ruff: noqa: S608 - only names of our own tables and columns are put into SQL

from typing import Any, Protocol

from gauntlet.reference_server.core import clock
from gauntlet.reference_server.core.internal_api import HeadsPage
from gauntlet.reference_server.core.wire import Entry
from gauntlet.reference_server.store.base import PAGE_CHARS_MAX, Present, RoomState

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS conversations (
        conv TEXT PRIMARY KEY, last_seq BIGINT NOT NULL,
        changed BIGINT NOT NULL, members_changed BIGINT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS conversations_changed ON conversations (changed)",
    "CREATE INDEX IF NOT EXISTS conversations_regrouped ON conversations (members_changed)",
    """CREATE TABLE IF NOT EXISTS members (
        conv TEXT NOT NULL, member TEXT NOT NULL, from_seq BIGINT NOT NULL,
        PRIMARY KEY (conv, member))""",
    "CREATE INDEX IF NOT EXISTS members_of_user ON members (member, conv)",
    """CREATE TABLE IF NOT EXISTS present (
        conv TEXT NOT NULL, member TEXT NOT NULL, connection TEXT NOT NULL,
        PRIMARY KEY (conv, member))""",
    """CREATE TABLE IF NOT EXISTS messages (
        conv TEXT NOT NULL, seq BIGINT NOT NULL, kind TEXT NOT NULL, ts BIGINT NOT NULL,
        msg_id TEXT NOT NULL, client_msg_id TEXT NOT NULL, sender TEXT NOT NULL,
        body TEXT NOT NULL, event TEXT NOT NULL, member TEXT NOT NULL,
        PRIMARY KEY (conv, seq), UNIQUE (client_msg_id, sender, conv))""",
    "CREATE TABLE IF NOT EXISTS write_probe (one BIGINT PRIMARY KEY, at_ms BIGINT NOT NULL)",
)

# In the order of the fields of `Entry`.
ENTRY_COLUMNS = "conv, seq, kind, ts, msg_id, client_msg_id, sender, body, event, member"

_ENTRIES = f"""SELECT {ENTRY_COLUMNS} FROM (
        SELECT {ENTRY_COLUMNS}, sum(length(body)) OVER (ORDER BY seq) - length(body) AS read_before
        FROM (SELECT {ENTRY_COLUMNS} FROM messages
            WHERE conv = $1 AND seq > $2 ORDER BY seq LIMIT $3) AS page) AS measured
    WHERE read_before <= {PAGE_CHARS_MAX} ORDER BY seq"""
_HEAD = "SELECT last_seq FROM conversations WHERE conv = $1"
_HEADS_OF = """SELECT c.conv, c.last_seq FROM members m
    JOIN conversations c ON c.conv = m.conv
    WHERE m.member = $1 AND m.conv > $2 ORDER BY m.conv LIMIT $3"""
_HEADS_SINCE = "SELECT conv, last_seq FROM conversations WHERE changed >= $1"
_MEMBERS_CHANGED_SINCE = """SELECT c.conv, m.member FROM conversations c
    LEFT JOIN members m ON m.conv = c.conv
    WHERE c.members_changed >= $1 AND c.conv LIKE 'r.%'"""


_TRY_WRITE = """INSERT INTO write_probe VALUES (1, $1)
    ON CONFLICT (one) DO UPDATE SET at_ms = excluded.at_ms"""


class Database(Protocol):
    """Runs SQL with `$1`-style parameters, one statement at a time.

    Every call may raise StoreDown or StoreError.
    """

    async def fetch(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        ...

    async def execute(self, sql: str, *args: Any) -> None:
        """Write durably; StoreUncertain if the write may or may not be stored."""
        ...

    async def close(self) -> None:
        """Close files and sockets."""
        ...


class MessageReader:
    """The reading half of `MessageStore`; the engines add `append`."""

    # Selects a marker such that no commit that is not visible yet has a lower one.
    WATERMARK = ""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def try_write(self) -> None:
        await self._db.execute(_TRY_WRITE, clock.now_ms())

    async def entries(self, conv: str, after: int, limit: int) -> tuple[list[Entry], int]:
        # The head first: an entry committed in between is then among the entries and raises it.
        rows = await self._db.fetch(_HEAD, conv)
        if not rows:
            return [], 0
        entries = [Entry(*row) for row in await self._db.fetch(_ENTRIES, conv, after, limit)]
        head: int = rows[0][0]
        return entries, max(head, entries[-1].seq) if entries else head

    async def room(self, conv: str) -> RoomState | None:
        head = await self._db.fetch(_HEAD, conv)
        if not head:
            return None
        members = await self._db.fetch(
            "SELECT member, from_seq FROM members WHERE conv = $1 ORDER BY from_seq, member", conv
        )
        present = await self._db.fetch(
            "SELECT conv, member, connection FROM present WHERE conv = $1 ORDER BY member", conv
        )
        return RoomState(head[0][0], dict(members), [Present(*row) for row in present])

    async def member_since(self, conv: str, user: str) -> int | None:
        rows = await self._db.fetch(
            "SELECT from_seq FROM members WHERE conv = $1 AND member = $2", conv, user
        )
        return rows[0][0] if rows else None

    async def present(self) -> list[Present]:
        rows = await self._db.fetch("SELECT conv, member, connection FROM present")
        return [Present(*row) for row in rows]

    async def heads_of(self, user: str, after: str, limit: int) -> HeadsPage:
        watermark = await self._watermark()
        return HeadsPage(dict(await self._db.fetch(_HEADS_OF, user, after, limit)), watermark)

    async def heads_since(self, watermark: int) -> HeadsPage:
        # The new watermark first: what is committed after it is returned next time.
        next_watermark = await self._watermark()
        heads = dict(await self._db.fetch(_HEADS_SINCE, watermark))
        members: dict[str, list[str]] = {}
        for conv, member in await self._db.fetch(_MEMBERS_CHANGED_SINCE, watermark):
            of_room = members.setdefault(conv, [])
            if member is not None:
                of_room.append(member)
        return HeadsPage(heads, next_watermark, members)

    async def close(self) -> None:
        await self._db.close()

    async def _watermark(self) -> int:
        marker: int = (await self._db.fetch(self.WATERMARK))[0][0]
        return marker
