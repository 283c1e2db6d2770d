"""The friend service: who knows whom."""

from reference_server.asgi import Request, Response, Router, reply
from reference_server.errors import ApiError
from reference_server.services.base import Context, require_name


class FriendService:
    """Mutual friendships, in the users DB."""

    def __init__(self, context: Context) -> None:
        self._users = context.users
        self.router = Router(
            {
                ("GET", "/v1/friends"): self.friends,
                ("PUT", "/v1/friends/{user}"): self.befriend,
            }
        )

    async def start(self) -> None:
        """Nothing runs in the background."""

    async def close(self) -> None:
        """The users DB belongs to the process."""

    async def friends(self, request: Request) -> Response:
        """The caller's friends."""
        return reply({"friends": await self._users.friends(request.user)})

    async def befriend(self, request: Request) -> Response:
        """Make two users friends; twice is once."""
        friend = require_name(request.params["user"], "user")
        if friend == request.user:
            raise ApiError("bad_request", "nobody befriends himself")
        await self._users.add_friend(request.user, friend)
        return reply({})
