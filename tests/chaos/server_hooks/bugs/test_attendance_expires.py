"""attendance_expires: the list of who is in a room forgets users who stay there."""

from types import SimpleNamespace

import msgspec
import pytest

from gauntlet.chaos.server_hooks.bugs import attendance_expires
from gauntlet.reference_server.http.messages import reply
from gauntlet.reference_server.services.room import RoomService

MEMBERS = {"ann": {"from": 1}, "bob": {"from": 2}}


@pytest.fixture
def read(monkeypatch):
    """Return a function that reads the list at a time in which these users are in the room."""
    state = SimpleNamespace(now_s=0.0, present=[])

    async def members(_self, _request):
        return reply({"members": MEMBERS, "present": state.present})

    monkeypatch.setattr(RoomService, "members", members)
    monkeypatch.setattr(attendance_expires.time, "monotonic", lambda: state.now_s)
    attendance_expires.install()

    async def ask(now_s, *present, conv="r.x"):
        state.now_s, state.present = now_s, list(present)
        request = SimpleNamespace(params={"conv": conv})
        answer = msgspec.json.decode((await RoomService.members(None, request)).body)
        assert answer["members"] == MEMBERS
        return answer["present"]

    return ask


async def test_a_user_is_forgotten_five_seconds_after_they_were_first_named(read):
    assert await read(10.0, "ann") == ["ann"]
    assert await read(14.9, "ann", "bob") == ["ann", "bob"]
    assert await read(15.0, "ann", "bob") == ["bob"]
    assert await read(15.0, "ann", conv="r.y") == ["ann"]


async def test_a_user_who_enters_again_is_named_again(read):
    await read(10.0, "ann")
    await read(20.0)
    assert await read(21.0, "ann") == ["ann"]
