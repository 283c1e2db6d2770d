"""The friend service: who knows whom, and who wants to hear nothing from whom."""

from functools import partial

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.http.messages import Request, Response, Router, reply
from gauntlet.reference_server.services.base import Context, Service, require_name
from gauntlet.reference_server.store.relations import Standing, Wish

# What a user is shown of his relations; who bars him is not among it.
SHOWN: tuple[Standing, ...] = ("friends", "incoming", "outgoing", "blocked")


class FriendService(Service):
    """Requests, friendships and blocks, in the users DB."""

    def __init__(self, context: Context) -> None:
        self._users = context.users
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
        """The caller's friends, requests of others, his own requests, and whom he blocks."""
        shown: dict[Standing, list[str]] = {standing: [] for standing in SHOWN}
        for other, standing in (await self._users.relations(request.user)).items():
            if standing in shown:
                shown[standing].append(other)
        return reply(shown)

    async def befriend(self, request: Request) -> Response:
        """Request a friendship, or accept the one that the other requested."""
        standing = await self._relate(request, "request")
        if standing in ("blocked", "barred"):
            raise ApiError("forbidden", "one of the two blocks the other")
        return reply({"state": "friends" if standing == "friends" else "requested"})

    async def blocks(self, request: Request) -> Response:
        """What changed since a version, for the message service's poll."""
        since = request.number("since", 0, 2**63 - 1)
        return reply(await self._users.blocks_since(since))

    async def _change(self, wish: Wish, request: Request) -> Response:
        await self._relate(request, wish)
        return reply({})

    async def _relate(self, request: Request, wish: Wish) -> Standing:
        other = require_name(request.params["user"], "user")
        if other == request.user:
            raise ApiError("bad_request", "nobody is his own friend or foe")
        return await self._users.relate(request.user, other, wish)
