"""The sticker service: what there is to send beside words."""

from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.http.messages import Request, Response, Router, reply
from gauntlet.reference_server.services.base import Context, Service


class StickerService(Service):
    """Sticker packs, in the users DB."""

    def __init__(self, context: Context) -> None:
        self._users = context.users
        self.router = Router(
            {("GET", "/v1/stickers"): self.packs, ("GET", "/v1/stickers/{pack}"): self.pack}
        )

    async def packs(self, request: Request) -> Response:
        """All packs with their stickers."""
        return reply({"packs": await self._users.packs()})

    async def pack(self, request: Request) -> Response:
        """One pack with its stickers."""
        name = request.params["pack"]
        packs = await self._users.packs()
        if name not in packs:
            raise ApiError("not_found", f"no pack {name}")
        return reply({"stickers": packs[name]})
