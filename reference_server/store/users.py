"""The users DB: accounts, friends, sticker packs and the current environment; SQL for all engines.

Every write is a single statement: no race between two writers does harm here.
"""

from gauntlet.reference_server.store import relations
from gauntlet.reference_server.store.base import BlockPage, TooManyRequests
from gauntlet.reference_server.store.messages import Database
from gauntlet.reference_server.store.relations import Action, Relation

BLOCKS_MAX = 100_000
UNANSWERED_MAX = 10_000  # requests to one user

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS accounts (name TEXT PRIMARY KEY)",
    """CREATE TABLE IF NOT EXISTS pairs (
        low TEXT NOT NULL, high TEXT NOT NULL, state BIGINT NOT NULL, changed BIGINT NOT NULL,
        PRIMARY KEY (low, high))""",
    "CREATE INDEX IF NOT EXISTS pairs_high ON pairs (high)",
    "CREATE INDEX IF NOT EXISTS pairs_changed ON pairs (changed)",
    """CREATE TABLE IF NOT EXISTS stickers (
        pack TEXT NOT NULL, sticker TEXT NOT NULL, PRIMARY KEY (pack, sticker))""",
    "CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """INSERT INTO stickers VALUES ('cats', 'cat-hello'), ('cats', 'cat-thanks'),
        ('signs', 'sign-yes'), ('signs', 'sign-no') ON CONFLICT DO NOTHING""",
)


_RELATE = """INSERT INTO pairs VALUES ($1, $2, $4, {marker}) ON CONFLICT (low, high) DO UPDATE
    SET state = (pairs.state & $3) | $4, changed = excluded.changed WHERE (pairs.state & $5) = 0"""
_BLOCKS = """SELECT low, high, state FROM pairs WHERE changed >= $1 AND state >= $2
    ORDER BY changed DESC LIMIT $3"""

# The pairs for which the user has done nothing.
_UNANSWERED = """SELECT count(*) FROM (
    SELECT 1 FROM pairs WHERE low = $1 AND (state & $2) = 0
    UNION ALL SELECT 1 FROM pairs WHERE high = $1 AND (state & $3) = 0
    LIMIT $4) AS unanswered"""

# For each engine, the SQL for the commit marker of a change and for the watermark: a marker such
# that no commit that is not visible yet has a lower one. See the two message stores.
SQLITE = ("(SELECT coalesce(max(changed), 0) + 1 FROM pairs)",) * 2
POSTGRES = (
    "pg_current_xact_id()::text::bigint",
    "pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
)


class SqlUsersStore:
    """`UsersStore` on the database of any engine."""

    def __init__(self, db: Database, marker: str, watermark: str) -> None:
        self._db = db
        self._relate = _RELATE.format(marker=marker)
        self._watermark = f"SELECT {watermark}"

    async def ensure_account(self, user: str) -> None:
        await self._db.execute("INSERT INTO accounts VALUES ($1) ON CONFLICT DO NOTHING", user)

    async def environment(self) -> str | None:
        rows = await self._db.fetch("SELECT value FROM settings WHERE name = 'environment'")
        return rows[0][0] if rows else None

    async def set_environment(self, environment: str) -> None:
        await self._db.execute(
            """INSERT INTO settings VALUES ('environment', $1)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
            environment,
        )

    async def relate(self, user: str, other: str, action: Action) -> Relation:
        low, high = sorted((user, other))
        side = int(user == high)
        if action == "request":
            await self._require_room_for_a_request(low, high, other)
        await self._db.execute(self._relate, low, high, *relations.CHANGES[action](side))
        [(state,)] = await self._db.fetch(
            "SELECT state FROM pairs WHERE low = $1 AND high = $2", low, high
        )
        return relations.relation(state, side)

    async def _require_room_for_a_request(self, low: str, high: str, other: str) -> None:
        """Raise TooManyRequests if this is a first request, and the other has too many."""
        pair = "SELECT 1 FROM pairs WHERE low = $1 AND high = $2"
        if await self._db.fetch(pair, low, high):
            return
        [(unanswered,)] = await self._db.fetch(
            _UNANSWERED, other, relations.will(0), relations.will(1), UNANSWERED_MAX
        )
        if unanswered >= UNANSWERED_MAX:
            raise TooManyRequests(other)

    async def relations(self, user: str) -> dict[str, Relation]:
        rows = await self._db.fetch(
            "SELECT low, high, state FROM pairs WHERE low = $1 OR high = $1", user
        )
        return {
            low if user == high else high: relations.relation(state, int(user == high))
            for low, high, state in sorted(rows)
        }

    async def blocks_since(self, version: int) -> BlockPage:
        # The watermark first: what is committed after it is returned next time.
        [(watermark,)] = await self._db.fetch(self._watermark)
        known = version if version <= watermark else 0
        rows = await self._db.fetch(_BLOCKS, known, relations.ONCE_BLOCKED, BLOCKS_MAX)
        blockers = {
            f"d.{low}.{high}": relations.blockers(low, high, state)
            for low, high, state in reversed(rows)
        }
        return BlockPage(blockers, watermark, whole=known == 0 or len(rows) == BLOCKS_MAX)

    async def packs(self) -> dict[str, list[str]]:
        packs: dict[str, list[str]] = {}
        for pack, sticker in await self._db.fetch(
            "SELECT pack, sticker FROM stickers ORDER BY pack, sticker"
        ):
            packs.setdefault(pack, []).append(sticker)
        return packs

    async def close(self) -> None:
        await self._db.close()
