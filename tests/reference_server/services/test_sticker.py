"""The responses of the sticker service."""

import json

from gauntlet.reference_server.http.messages import Request
from gauntlet.reference_server.services.sticker import StickerService
from gauntlet.reference_server.store import open_users


async def test_all_packs_and_single_packs_are_returned(tmp_path):
    users = open_users(f"sqlite://{tmp_path}/users.db", 1000)
    service = StickerService(users)

    async def get(path):
        response = await service.router.handle(Request("GET", path, user="ann"))
        return response.status, json.loads(response.body)

    status, listed = await get("/v1/stickers")
    assert (status, listed["packs"]["cats"]) == (200, ["cat-hello", "cat-thanks"])
    assert await get("/v1/stickers/cats") == (200, {"stickers": ["cat-hello", "cat-thanks"]})
    status, refused = await get("/v1/stickers/dogs")
    assert (status, refused["error"]["code"]) == (404, "not_found")
    await users.close()
