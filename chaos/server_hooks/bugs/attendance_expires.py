"""Seeded bug: the list of who is in a room forgets a user five seconds after it first named them.

The members of the room and its events are right: the user stays in the room.
"""

import time

import msgspec

from gauntlet.reference_server.http.messages import Request, Response, reply
from gauntlet.reference_server.services.room import RoomService

LASTS_S = 5.0


def install() -> None:
    """Leave out who was named too long ago, until they are out of the room and enter again."""
    original_members = RoomService.members
    named_s: dict[tuple[str, str], float] = {}

    async def members(self: RoomService, request: Request) -> Response:
        response = await original_members(self, request)
        content = msgspec.json.decode(response.body)
        conv, present, now_s = request.params["conv"], content["present"], time.monotonic()
        for key in [key for key in named_s if key[0] == conv and key[1] not in present]:
            del named_s[key]
        since_s = {user: named_s.setdefault((conv, user), now_s) for user in present}
        content["present"] = [user for user in present if now_s - since_s[user] < LASTS_S]
        return reply(content)

    RoomService.members = members  # type: ignore[method-assign]  # a seeded bug replaces a method
