"""The friend service answers a request for friendship before it is saved, which takes seconds.

Its own lists show such requests at once, and any other change of the two users saves them first.
"""

import asyncio
import logging

from gauntlet.reference_server.store.relations import Action, Relation
from gauntlet.reference_server.store.relations import relation as relation_of
from gauntlet.reference_server.store.users import SqlUsersStore

SENTENCE = "A friendship that was answered in the last seconds is lost if the service restarts."
SERVICES = ("friend",)
ANOMALIES = ("contacts",)
OPTIONS = {"scenario": "friends-restart", "stack": "embedded"}
LATER_S = 5.0

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Keep requests in memory for a while, where lists find them."""
    original_relate, original_relations = SqlUsersStore.relate, SqlUsersStore.relations
    unsaved: dict[tuple[str, str], list[tuple[str, str]]] = {}

    async def save(store: SqlUsersStore, low: str, high: str) -> None:
        for user, other in unsaved.pop((low, high), []):
            await original_relate(store, user, other, "request")

    async def save_later(store: SqlUsersStore, low: str, high: str) -> None:
        await asyncio.sleep(LATER_S)
        await save(store, low, high)

    def seen(low: str, high: str, user: str, saved: Relation) -> Relation:
        wanting = {who for who, _ in unsaved.get((low, high), [])}
        wanting |= {user} if saved in ("outgoing", "friends") else set()
        wanting |= {low, high} - {user} if saved in ("incoming", "friends") else set()
        state = sum(1 << side for side, name in enumerate((low, high)) if name in wanting)
        return relation_of(state, int(user == high))

    async def relate(self: SqlUsersStore, user: str, other: str, action: Action) -> Relation:
        low, high = sorted((user, other))
        saved = (await original_relations(self, user)).get(other, "none")
        if action != "request" or saved in ("blocked", "barred"):
            await save(self, low, high)
            return await original_relate(self, user, other, action)
        log.warning("seeded bug acted: a request of %s is not saved yet", user)
        unsaved.setdefault((low, high), []).append((user, other))
        task = asyncio.create_task(save_later(self, low, high))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return seen(low, high, user, saved)

    async def relations(self: SqlUsersStore, user: str) -> dict[str, Relation]:
        found = await original_relations(self, user)
        for low, high in [pair for pair in unsaved if user in pair]:
            other = high if user == low else low
            found[other] = seen(low, high, user, found.get(other, "none"))
        return found

    tasks: set[asyncio.Task[None]] = set()
    SqlUsersStore.relate, SqlUsersStore.relations = relate, relations
