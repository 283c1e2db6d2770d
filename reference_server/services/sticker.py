"""The sticker service: what there is to send beside words."""

from reference_server.asgi import Request, Response, Router, reply
from reference_server.services.base import Context


class StickerService:
    """Sticker packs, in the users DB."""

    def __init__(self, context: Context) -> None:
        self._users = context.users
        self.router = Router({("GET", "/v1/stickers"): self.packs})

    async def start(self) -> None:
        """Nothing runs in the background."""

    async def close(self) -> None:
        """The users DB belongs to the process."""

    async def packs(self, request: Request) -> Response:
        """All packs with their stickers."""
        packs = await self._users.packs()
        return reply({"packs": [{"id": name, "stickers": ids} for name, ids in packs.items()]})
