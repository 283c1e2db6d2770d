"""The friend service: friendships, friendship requests and blocks."""

from functools import partial

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.http.messages import Request, Response, reply
from gauntlet.reference_server.http.router import Router
from gauntlet.reference_server.services.base import Service, require_name
from gauntlet.reference_server.store.base import UsersStore
from gauntlet.reference_server.store.relations import Action, Relation

# The relations that a user is shown. Users do not learn who blocks them.
VISIBLE_RELATIONS: tuple[Relation, ...] = ("friends", "incoming", "outgoing", "blocked")


class FriendService(Service):
    """Requests, friendships and blocks, stored in the users DB."""

    def __init__(self, users: UsersStore) -> None:
        self._users = users
        self.router = Router(
            {
                ("GET", "/v1/friends"): self.friends,
                ("PUT", "/v1/friends/{user}"): self.befriend,
                ("DELETE", "/v1/friends/{user}"): partial(self._change, "part"),
                ("PUT", "/v1/friends/{user}/block"): partial(self._change, "block"),
                ("DELETE", "/v1/friends/{user}/block"): partial(self._change, "unblock"),
                ("GET", "/internal/blocks"): self.blocks,
            }
        )

    async def friends(self, request: Request) -> Response:
        """List the caller's friends, incoming and outgoing requests, and blocked users."""
        users: dict[Relation, list[str]] = {relation: [] for relation in VISIBLE_RELATIONS}
        for other, relation in (await self._users.relations(request.user)).items():
            if relation in users:
                users[relation].append(other)
        return reply(users)

    async def befriend(self, request: Request) -> Response:
        """Request a friendship, or accept the one that the other user requested."""
        relation = await self._relate(request, "request")
        if relation in ("blocked", "barred"):
            raise ApiError("forbidden", "one of the two users blocks the other")
        return reply({"state": "friends" if relation == "friends" else "requested"})

    async def blocks(self, request: Request) -> Response:
        """Return the blocks that changed since a version; the message service polls this."""
        since = request.query_number("since", 0, 2**63 - 1)
        return reply(await self._users.blocks_since(since))

    async def _change(self, action: Action, request: Request) -> Response:
        await self._relate(request, action)
        return reply({})

    async def _relate(self, request: Request, action: Action) -> Relation:
        other = require_name(request.params["user"], "user")
        if other == request.user:
            raise ApiError("bad_request", "users cannot befriend or block themselves")
        return await self._users.relate(request.user, other, action)
