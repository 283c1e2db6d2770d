"""The room service: what it writes, and when it counts somebody out."""

import asyncio
import json
import time

import msgspec
import pytest

from gauntlet.reference_server.core.config import Config, Settings
from gauntlet.reference_server.core.errors import ApiError
from gauntlet.reference_server.core.internal_api import RoomEventPosition
from gauntlet.reference_server.core.metrics import Metrics
from gauntlet.reference_server.http.messages import Request
from gauntlet.reference_server.registry.base import RegistryDown
from gauntlet.reference_server.services.base import ServiceContext
from gauntlet.reference_server.services.room import RoomService
from gauntlet.reference_server.store.base import Present, RoomState

OLD, NEW = "e1|1-1", "e2|1-9"
GRACE_S = 0.01


class FakeMessages:
    """The message service: notes events, fails if told to, knows who is present."""

    def __init__(self):
        self.events = []
        self.failure = None
        self.present = []
        self.within = set()  # (conv, user) of those who are in a room

    async def request(self, service, method, path, kind, body=None, **query):
        assert service == "message"
        if self.failure is not None:
            raise self.failure
        if path == "/internal/present":
            return self.present
        if path.startswith("/internal/rooms/"):
            return RoomState(3, {"ann": 1, "bob": 2}, [Present("r.x", "bob", OLD)])
        about = body.conv, body.user
        if body.event == "entered" and about in self.within:
            return RoomEventPosition(body.conv, len(self.events), dup=True)
        self.within = self.within | {about} if body.event == "entered" else self.within - {about}
        self.events.append(body)
        return RoomEventPosition(body.conv, len(self.events))

    def written(self):
        """What was written, in short."""
        return [(each.event, each.user, each.key) for each in self.events]


class FakeRegistry:
    """Living connections by user; None: down."""

    def __init__(self):
        self.living = {}

    async def edges(self):
        return []

    async def connections(self, users):
        if self.living is None:
            raise RegistryDown("silent")
        return {user: self.living[user] for user in users if user in self.living}


@pytest.fixture
def messages():
    """What the room service asks."""
    return FakeMessages()


@pytest.fixture
def registry():
    """The registry of the room service."""
    return FakeRegistry()


@pytest.fixture
async def room(messages, registry):
    """A room service that has read back attendance."""
    config = Config(
        name="room-1",
        services=("room",),
        port=1,
        secret="s",
        internal_token="i",
        settings=Settings(grace_ms=int(GRACE_S * 1000)),
    )
    service = RoomService(ServiceContext(config, Metrics(), messages), registry)
    await service._load()
    return service


async def report(room, *events):
    """One edge's report; each event is (user, connection, event, conv?)."""
    names = ("user", "connection", "event", "conv")
    told = [dict(zip(names, event, strict=False)) for event in events]
    body = msgspec.json.encode({"edge": "e1", "events": told})
    return await room.router.handle(Request("POST", "/internal/attendance", body))


async def test_entering_and_leaving_write_one_event_each(room, messages):
    """Keyed by user and connection, so that SQL keeps each once."""
    response = await report(
        room, ("ann", OLD, "enter", "r.x"), ("ann", OLD, "leave"), ("ann", OLD, "lost")
    )
    assert response.status == 200
    assert messages.written() == [
        ("entered", "ann", f"enter:ann:{OLD}"),
        ("exited", "ann", f"exit:ann:{OLD}"),
    ]
    assert messages.events[1].connection == OLD


async def test_a_lost_connection_waits_the_grace(room, messages):
    """Then its user is counted out, once."""
    await report(room, ("ann", OLD, "enter", "r.x"), ("ann", OLD, "lost"))
    now = time.monotonic()
    await room._evict_overdue(now)
    assert len(messages.events) == 1
    for _ in range(2):
        await room._evict_overdue(now + 2 * GRACE_S)
    assert messages.written()[1:] == [("exited", "ann", f"exit:ann:{OLD}")]


async def test_a_return_within_the_grace_writes_nothing(room, messages):
    """Neither an exit nor a second entry."""
    await report(room, ("ann", OLD, "enter", "r.x"), ("ann", OLD, "lost"), ("ann", NEW, "back"))
    await room._evict_overdue(time.monotonic() + GRACE_S)
    assert [event for event, _, _ in messages.written()] == ["entered"]


async def test_a_silent_registry_never_causes_an_exit(room, messages, registry):
    """Neither by reaping nor at the end of a grace; when it is back the count goes on."""
    await report(room, ("ann", OLD, "enter", "r.x"), ("ann", OLD, "lost"))
    registry.living = None
    late = time.monotonic() + GRACE_S
    for step in (room._mark_unleased, room._evict_overdue):
        with pytest.raises(RegistryDown):
            await step(late)
    assert len(messages.events) == 1
    registry.living = {}
    await room._evict_overdue(late)
    assert len(messages.events) == 2


async def test_a_user_who_is_elsewhere_is_not_counted_out(room, messages, registry):
    """A half-open connection dies after its successor came; the stay goes over to that."""
    await report(room, ("ann", OLD, "enter", "r.x"), ("ann", NEW, "back"), ("ann", OLD, "lost"))
    registry.living = {"ann": {OLD, NEW}}
    await room._evict_overdue(time.monotonic() + GRACE_S)
    assert [event for event, _, _ in messages.written()] == ["entered"]
    await report(room, ("ann", NEW, "leave"))
    assert messages.written()[1:] == [("exited", "ann", f"exit:ann:{OLD}")]


async def test_the_lease_of_a_dead_edge_is_reaped(room, messages, registry):
    """An edge that was killed tells nothing: its clients' leases run out, then the grace runs."""
    await report(room, ("ann", OLD, "enter", "r.x"), ("bob", NEW, "enter", "r.x"))
    registry.living = {"bob": {NEW}}
    now = time.monotonic()
    await room._mark_unleased(now)
    await room._evict_overdue(now)
    assert len(messages.events) == 2
    await room._evict_overdue(now + 2 * GRACE_S)
    assert messages.written()[2:] == [("exited", "ann", f"exit:ann:{OLD}")]


async def test_an_exit_that_could_not_be_written_is_written_later(room, messages):
    """The database was down when the grace ended."""
    await report(room, ("ann", OLD, "enter", "r.x"), ("ann", OLD, "lost"))
    messages.failure = ApiError("unavailable", "down")
    late = time.monotonic() + GRACE_S
    with pytest.raises(ApiError):
        await room._evict_overdue(late)
    messages.failure = None
    await room._evict_overdue(late)
    assert messages.written()[1:] == [("exited", "ann", f"exit:ann:{OLD}")]


async def test_a_report_that_failed_may_be_repeated(room, messages):
    """The edge is told, and its second try ends as the first should have."""
    await report(room, ("ann", OLD, "enter", "r.x"))
    messages.failure = ApiError("unavailable", "down")
    assert (await report(room, ("ann", OLD, "exit", "r.x"))).status == 503
    messages.failure = None
    assert (await report(room, ("ann", OLD, "exit", "r.x"))).status == 200
    assert messages.written()[1:] == [("exited", "ann", f"exit:ann:{OLD}")]


async def test_a_report_that_failed_for_another_counts_out_nobody_who_is_there(room, messages):
    """Bob's entry fails; Ann's exit is told again with it, and she is there by another device."""
    await report(room, ("ann", OLD, "enter", "r.x"), ("ann", NEW, "enter", "r.x"))
    both = ("ann", OLD, "exit", "r.x"), ("bob", "e1|1-2", "enter", "r.x")
    messages.failure = ApiError("unavailable", "down")
    assert (await report(room, *both)).status == 503
    messages.failure = None
    assert (await report(room, *both)).status == 200
    assert "exited" not in {event.event for event in messages.events}


async def remove(room, user):
    """Ann removes a member."""
    request = Request("DELETE", f"/v1/rooms/r.x/members/{user}", user="ann")
    return await room.router.handle(request)


async def test_a_stay_ends_with_the_membership(room, messages):
    """Who was removed is not there, and what his connections do afterwards ends nothing."""
    await report(room, ("bob", OLD, "enter", "r.x"))
    await remove(room, "bob")
    assert len(room._presence) == 0
    await report(room, ("bob", OLD, "exit", "r.x"), ("bob", OLD, "leave"))
    assert [event for event, _, _ in messages.written()] == ["entered", "removed"]


async def test_a_removal_that_failed_ends_no_stay(room, messages):
    """He is a member yet, and there."""
    await report(room, ("bob", OLD, "enter", "r.x"))
    messages.failure = ApiError("forbidden", "not a member")
    assert (await remove(room, "bob")).status == 403
    assert len(room._presence) == 1


@pytest.mark.parametrize("knows", [True, False])
async def test_who_is_back_after_a_removal_exits_as_the_one_he_entered_as(room, messages, knows):
    """SQL names his new stay by the new connection, whether or not we heard of the removal."""
    await report(room, ("bob", OLD, "enter", "r.x"))
    if knows:
        await remove(room, "bob")
    messages.within.clear()
    await report(room, ("bob", NEW, "enter", "r.x"), ("bob", NEW, "exit", "r.x"))
    assert (messages.events[-1].event, messages.events[-1].connection) == ("exited", NEW)


async def test_a_refused_entry_is_no_stay(room, messages):
    """Strangers and large rooms: the report is accepted, nobody is in."""
    messages.failure = ApiError("forbidden", "not a member")
    assert (await report(room, ("eve", OLD, "enter", "r.x"))).status == 200
    messages.failure = None
    await report(room, ("eve", OLD, "leave"))
    assert messages.events == []


async def test_a_restart_forgets_nobody(room, messages, registry):
    """Who is present is read back, by the connection that SQL knows; reports wait until then."""
    room._loaded.clear()
    assert (await report(room, ("bob", OLD, "lost"))).status == 503
    messages.present = [Present("r.x", "bob", OLD)]
    await room._load()
    registry.living = {"bob": {NEW}}
    now = time.monotonic()
    await room._mark_unleased(now)
    await room._evict_overdue(now + 2 * GRACE_S)
    assert messages.events == []
    await report(room, ("bob", NEW, "exit", "r.x"))
    assert messages.written() == [("exited", "bob", f"exit:bob:{OLD}")]


async def test_a_fresh_registry_is_not_believed_for_a_lease(room, messages):
    """One that was emptied just before our start looks sound, and is not asked yet."""
    await report(room, ("ann", OLD, "enter", "r.x"), ("ann", OLD, "lost"))
    await room.start()
    await asyncio.sleep(0.7)  # more than a sweep, much less than a lease
    await room.close()
    assert len(messages.events) == 1


async def test_a_registry_that_was_silent_is_not_believed_for_a_lease(
    room, messages, registry, monkeypatch
):
    """What it held ran out while it stood still: edges first write their leases anew."""
    monkeypatch.setattr("gauntlet.reference_server.services.room.EVICT_EVERY_S", 0.01)
    room._lease_s = 0.2
    await report(room, ("ann", OLD, "enter", "r.x"), ("ann", OLD, "lost"))
    registry.living = None
    await room.start()
    await asyncio.sleep(0.3)
    registry.living = {}
    await asyncio.sleep(0.1)
    assert len(messages.events) == 1
    await asyncio.sleep(0.3)
    await room.close()
    assert len(messages.events) == 2


async def test_a_lease_that_was_renewed_late_ends_no_stay(room, messages, registry):
    """An edge was cut off from the registry for longer than a lease, its client never gone."""
    await report(room, ("ann", OLD, "enter", "r.x"))
    now = time.monotonic()
    await room._mark_unleased(now)
    registry.living = {"ann": {OLD}}
    await room._evict_overdue(now + 2 * GRACE_S)
    registry.living = {}
    await room._evict_overdue(now + 2 * GRACE_S)
    assert len(messages.events) == 1


async def test_membership_changes_are_events(room, messages):
    """Named by who asks; the answer is the position."""
    for method, event in (("PUT", "added"), ("DELETE", "removed")):
        request = Request(method, "/v1/rooms/r.x/members/bob", user="ann")
        response = await room.router.handle(request)
        assert json.loads(response.body)["conv"] == "r.x"
        written = messages.events[-1]
        assert (written.event, written.user, written.by) == (event, "bob", "ann")


@pytest.mark.parametrize("path", ["/v1/rooms/d.a.b/members/bob", "/v1/rooms/r.x/members/b b"])
async def test_only_rooms_and_users_have_membership(room, path):
    """Direct conversations have the members of their name."""
    assert (await room.router.handle(Request("PUT", path, user="ann"))).status == 400


@pytest.mark.parametrize(("user", "status"), [("ann", 200), ("eve", 403)])
async def test_members_see_members(room, user, status):
    """And nobody else does."""
    response = await room.router.handle(Request("GET", "/v1/rooms/r.x/members", user=user))
    assert response.status == status
    if status == 200:
        assert json.loads(response.body) == {
            "members": {"ann": {"from": 1}, "bob": {"from": 2}},
            "present": ["bob"],
        }
