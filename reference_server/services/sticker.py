"""The sticker service: the sticker packs that messages can refer to."""

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.http.messages import Request, Response, reply
from gauntlet.reference_server.http.router import Router
from gauntlet.reference_server.services.base import Service
from gauntlet.reference_server.store.base import UsersStore


class StickerService(Service):
    """Sticker packs, stored in the users DB."""

    def __init__(self, users: UsersStore) -> None:
        self._users = users
        self.router = Router(
            {("GET", "/v1/stickers"): self.packs, ("GET", "/v1/stickers/{pack}"): self.pack}
        )

    async def packs(self, request: Request) -> Response:
        """Return all packs with their stickers."""
        return reply({"packs": await self._users.packs()})

    async def pack(self, request: Request) -> Response:
        """Return one pack with its stickers."""
        name = request.params["pack"]
        packs = await self._users.packs()
        if name not in packs:
            raise ApiError("not_found", f"no pack {name}")
        return reply({"stickers": packs[name]})
