"""The users DB: accounts, friends, sticker packs, the current environment; one SQL for all engines.

Losing the race of two writers is harmless everywhere here, so every write is one statement.
"""

from reference_server.store.messages import Database

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS accounts (name TEXT PRIMARY KEY)",
    """CREATE TABLE IF NOT EXISTS friends (
        name TEXT NOT NULL, friend TEXT NOT NULL, PRIMARY KEY (name, friend))""",
    """CREATE TABLE IF NOT EXISTS stickers (
        pack TEXT NOT NULL, sticker TEXT NOT NULL, PRIMARY KEY (pack, sticker))""",
    "CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """INSERT INTO stickers VALUES ('cats', 'cat-hello'), ('cats', 'cat-thanks'),
        ('signs', 'sign-yes'), ('signs', 'sign-no') ON CONFLICT DO NOTHING""",
)


class SqlUsersStore:
    """`UsersStore` on any engine's database."""

    def __init__(self, db: Database) -> None:
        self._db = db

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

    async def friends(self, user: str) -> list[str]:
        rows = await self._db.fetch("SELECT friend FROM friends WHERE name = $1", user)
        return sorted(row[0] for row in rows)

    async def add_friend(self, user: str, friend: str) -> None:
        await self._db.execute(
            "INSERT INTO friends VALUES ($1, $2), ($2, $1) ON CONFLICT DO NOTHING", user, friend
        )

    async def packs(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for pack, sticker in await self._db.fetch(
            "SELECT pack, sticker FROM stickers ORDER BY pack, sticker"
        ):
            found.setdefault(pack, []).append(sticker)
        return found

    async def close(self) -> None:
        await self._db.close()
