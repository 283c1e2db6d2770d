"""The room service: which events it writes, and when it evicts users."""

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
from gauntlet.reference_server.services.room import LISTS_MAX, RoomService
from gauntlet.reference_server.store.base import Present, RoomState

OLD, NEW = "e1|1-1", "e2|1-9"
GRACE_S = 0.01


class FakeMessageService:
    """Records events, knows who is present, and raises `failure` if it is set."""

    def __init__(self):
        self.events = []
        self.failure = None
        self.present = []
        self.present_users = set()  # (conv, user) of users in a room

    async def request(self, service, method, path, kind, body=None, **query):
        assert service == "message"
        if self.failure is not None:
            raise self.failure
        if path == "/internal/present":
            return self.present
        if path == "/internal/rooms/r.missing":
            raise ApiError("not_found", "no conversation r.missing")
        if path.startswith("/internal/rooms/"):
            return RoomState(3, {"ann": 1, "bob": 2}, [Present("r.x", "bob", OLD)])
        key = body.conv, body.user
        if body.event == "entered" and key in self.present_users:
            return RoomEventPosition(body.conv, len(self.events), dup=True)
        self.present_users = (
            self.present_users | {key} if body.event == "entered" else self.present_users - {key}
        )
        self.events.append(body)
        return RoomEventPosition(body.conv, len(self.events))

    def written(self):
        """Return the written events in short."""
        return [(each.event, each.user, each.key) for each in self.events]


class FakeRegistry:
    """Live connections by user; None means that the registry is down."""

    def __init__(self):
        self.living = {}
        self.failed_s = 0.0  # when it last did not answer

    async def edges(self):
        return []

    async def connections(self, users):
        if self.living is None:
            self.failed_s = time.monotonic()
            raise RegistryDown("silent")
        return {user: self.living[user] for user in users if user in self.living}


@pytest.fixture
def messages():
    """The message service that the room service calls."""
    return FakeMessageService()


@pytest.fixture
def registry():
    """The registry of the room service."""
    return FakeRegistry()


@pytest.fixture
async def room(messages, registry):
    """A room service that has loaded the attendance."""
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
    """Report events of one edge; each is (user, connection, event, conversation if needed)."""
    names = ("user", "connection", "event", "conv")
    events_json = [dict(zip(names, event, strict=False)) for event in events]
    body = msgspec.json.encode({"edge": "e1", "events": events_json})
    return await room.router.handle(Request("POST", "/internal/attendance", body))


async def test_entering_and_leaving_write_one_event_each(room, messages):
    """The keys contain user and connection, so SQL stores each event once."""
    response = await report(
        room, ("ann", OLD, "enter", "r.x"), ("ann", OLD, "leave"), ("ann", OLD, "lost")
    )
    assert response.status == 200
    assert messages.written() == [
        ("entered", "ann", f"enter:ann:{OLD}"),
        ("exited", "ann", f"exit:ann:{OLD}"),
    ]
    assert messages.events[1].connection == OLD


async def test_a_user_is_evicted_once_after_the_grace_period(room, messages):
    room._grace_s = 60.0
    await report(room, ("ann", OLD, "enter", "r.x"), ("ann", OLD, "lost"))
    now = time.monotonic()
    await room._evict_overdue(now)
    assert len(messages.events) == 1
    for _ in range(2):
        await room._evict_overdue(now + 60.0)
    assert messages.written()[1:] == [("exited", "ann", f"exit:ann:{OLD}")]


async def test_a_reconnect_within_the_grace_period_writes_nothing(room, messages):
    await report(room, ("ann", OLD, "enter", "r.x"), ("ann", OLD, "lost"), ("ann", NEW, "back"))
    await room._evict_overdue(time.monotonic() + GRACE_S)
    assert [event for event, _, _ in messages.written()] == ["entered"]


async def test_an_unreachable_registry_never_causes_an_exit(room, messages, registry):
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


async def test_a_user_with_another_connection_is_not_evicted(room, messages, registry):
    """A half-open connection ends after its successor came; the stay passes to the successor."""
    await report(room, ("ann", OLD, "enter", "r.x"), ("ann", NEW, "back"), ("ann", OLD, "lost"))
    registry.living = {"ann": {OLD, NEW}}
    await room._evict_overdue(time.monotonic() + GRACE_S)
    assert [event for event, _, _ in messages.written()] == ["entered"]
    await report(room, ("ann", NEW, "leave"))
    assert messages.written()[1:] == [("exited", "ann", f"exit:ann:{OLD}")]


async def test_an_exit_before_the_loss_of_the_old_connection_is_not_forgotten(
    room, messages, registry
):
    """Ann reconnects, enters and exits before the edge notices the end of her old connection."""
    await report(room, ("ann", OLD, "enter", "r.x"), ("ann", NEW, "back"))
    await report(room, ("ann", NEW, "enter", "r.x"), ("ann", NEW, "exit", "r.x"))
    await report(room, ("ann", OLD, "lost"))
    registry.living = {"ann": {NEW}}
    await room._evict_overdue(time.monotonic() + GRACE_S)
    assert messages.written()[1:] == [("exited", "ann", f"exit:ann:{OLD}")]


async def test_users_of_a_dead_edge_are_evicted_after_lease_and_grace_period(
    room, messages, registry
):
    """A killed edge reports nothing."""
    await report(room, ("ann", OLD, "enter", "r.x"), ("bob", NEW, "enter", "r.x"))
    registry.living = {"bob": {NEW}}
    now = time.monotonic()
    await room._mark_unleased(now)
    await room._evict_overdue(now)
    assert len(messages.events) == 2
    await room._evict_overdue(now + 2 * GRACE_S)
    assert messages.written()[2:] == [("exited", "ann", f"exit:ann:{OLD}")]


async def test_an_exit_that_could_not_be_written_is_written_later(room, messages):
    await report(room, ("ann", OLD, "enter", "r.x"), ("ann", OLD, "lost"))
    messages.failure = ApiError("unavailable", "down")
    late = time.monotonic() + GRACE_S
    with pytest.raises(ApiError):
        await room._evict_overdue(late)
    messages.failure = None
    await room._evict_overdue(late)
    assert messages.written()[1:] == [("exited", "ann", f"exit:ann:{OLD}")]


async def test_a_failed_report_can_be_repeated(room, messages):
    await report(room, ("ann", OLD, "enter", "r.x"))
    messages.failure = ApiError("unavailable", "down")
    assert (await report(room, ("ann", OLD, "exit", "r.x"))).status == 503
    messages.failure = None
    assert (await report(room, ("ann", OLD, "exit", "r.x"))).status == 200
    assert messages.written()[1:] == [("exited", "ann", f"exit:ann:{OLD}")]


async def test_a_repeated_report_does_not_evict_a_user_on_another_device(room, messages):
    """Bob's entry fails, so the edge repeats Ann's exit; she is present on another device."""
    await report(room, ("ann", OLD, "enter", "r.x"), ("ann", NEW, "enter", "r.x"))
    both = ("ann", OLD, "exit", "r.x"), ("bob", "e1|1-2", "enter", "r.x")
    messages.failure = ApiError("unavailable", "down")
    assert (await report(room, *both)).status == 503
    messages.failure = None
    assert (await report(room, *both)).status == 200
    assert "exited" not in {event.event for event in messages.events}


async def remove_member(room, user):
    """Let Ann remove a member."""
    request = Request("DELETE", f"/v1/rooms/r.x/members/{user}", user="ann")
    return await room.router.handle(request)


async def test_a_removal_ends_the_stay_without_an_exit(room, messages):
    await report(room, ("bob", OLD, "enter", "r.x"))
    await remove_member(room, "bob")
    assert len(room._presence) == 0
    await report(room, ("bob", OLD, "exit", "r.x"), ("bob", OLD, "leave"))
    assert [event for event, _, _ in messages.written()] == ["entered", "removed"]


async def test_a_failed_removal_ends_no_stay(room, messages):
    await report(room, ("bob", OLD, "enter", "r.x"))
    messages.failure = ApiError("forbidden", "not a member")
    assert (await remove_member(room, "bob")).status == 403
    assert len(room._presence) == 1


@pytest.mark.parametrize("knows", [True, False])
async def test_a_user_who_was_added_again_exits_with_the_new_connection(room, messages, knows):
    """SQL identifies the new stay by it, whether or not this service carried out the removal."""
    await report(room, ("bob", OLD, "enter", "r.x"))
    if knows:
        await remove_member(room, "bob")
    messages.present_users.clear()
    await report(room, ("bob", NEW, "enter", "r.x"), ("bob", NEW, "exit", "r.x"))
    assert (messages.events[-1].event, messages.events[-1].connection) == ("exited", NEW)


async def test_a_refused_entry_is_accepted_as_a_report_but_begins_no_stay(room, messages):
    """For strangers and large rooms."""
    messages.failure = ApiError("forbidden", "not a member")
    assert (await report(room, ("eve", OLD, "enter", "r.x"))).status == 200
    messages.failure = None
    await report(room, ("eve", OLD, "leave"))
    assert messages.events == []


async def test_a_restart_loads_the_attendance_before_reports_are_accepted(room, messages, registry):
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


async def test_nobody_is_evicted_in_the_first_lease_after_a_start(room, messages):
    """The registry may have lost its data just before the start."""
    await report(room, ("ann", OLD, "enter", "r.x"), ("ann", OLD, "lost"))
    await room.start()
    await asyncio.sleep(0.7)  # more than a sweep, much less than a lease
    await room.close()
    assert len(messages.events) == 1


async def test_nobody_is_evicted_in_the_first_lease_after_a_registry_outage(
    room, messages, registry, monkeypatch
):
    """Leases expired during the outage, and edges register their connections again."""
    monkeypatch.setattr("gauntlet.reference_server.services.room.EVICT_EVERY_S", 0.01)
    room._lease_s = 0.3
    await report(room, ("ann", OLD, "enter", "r.x"), ("ann", OLD, "lost"))
    registry.living = None
    await room.start()
    await asyncio.sleep(0.4)  # longer than a lease
    registry.living = {}
    async with asyncio.timeout(30):
        while len(messages.events) == 1:
            await asyncio.sleep(0.01)
    evicted_s = time.monotonic()
    await room.close()
    assert len(messages.events) == 2
    assert evicted_s - registry.failed_s > 0.2


async def test_a_late_renewal_of_a_lease_prevents_the_eviction(room, messages, registry):
    """The edge was cut off from the registry, but its client stayed connected."""
    await report(room, ("ann", OLD, "enter", "r.x"))
    now = time.monotonic()
    await room._mark_unleased(now)
    registry.living = {"ann": {OLD}}
    await room._evict_overdue(now + 2 * GRACE_S)
    registry.living = {}
    await room._evict_overdue(now + 2 * GRACE_S)
    assert len(messages.events) == 1


async def test_membership_changes_are_appended_as_events_of_the_caller(room, messages):
    for method, event in (("PUT", "added"), ("DELETE", "removed")):
        request = Request(method, "/v1/rooms/r.x/members/bob", user="ann")
        response = await room.router.handle(request)
        assert json.loads(response.body)["conv"] == "r.x"
        written = messages.events[-1]
        assert (written.event, written.user, written.by) == (event, "bob", "ann")


@pytest.mark.parametrize("path", ["/v1/rooms/d.a.b/members/bob", "/v1/rooms/r.x/members/b b"])
async def test_invalid_room_and_user_names_are_rejected(room, path):
    assert (await room.router.handle(Request("PUT", path, user="ann"))).status == 400


async def test_strangers_cannot_tell_whether_a_room_exists(room):
    responses = [
        await room.router.handle(Request("GET", f"/v1/rooms/{conv}/members", user="eve"))
        for conv in ("r.x", "r.missing")
    ]
    assert responses[0].status == 403
    assert responses[0] == responses[1]


async def test_few_lists_of_members_are_read_at_the_same_time(room, messages, monkeypatch):
    """Two dozen lists of 100,000 names, also for strangers, took a process to a gigabyte."""
    monkeypatch.setattr("gauntlet.reference_server.services.room.LIST_WAIT_S", 0.05)
    reading, most, go_on, answer = 0, 0, asyncio.Event(), messages.request

    async def slow(*args, **query):
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        await go_on.wait()
        reading -= 1
        return await answer(*args, **query)

    messages.request = slow
    request = Request("GET", "/v1/rooms/r.x/members", user="ann")
    calls = [asyncio.create_task(room.router.handle(request)) for _ in range(2 * LISTS_MAX)]
    while sum(call.done() for call in calls) < LISTS_MAX:
        await asyncio.sleep(0.01)
    refused = [call.result().status for call in calls if call.done()]
    go_on.set()
    assert most == LISTS_MAX
    assert refused == [503] * LISTS_MAX
    assert sorted(each.status for each in await asyncio.gather(*calls)) == [
        *[200] * LISTS_MAX,
        *[503] * LISTS_MAX,
    ]
    assert (await room.router.handle(request)).status == 200


@pytest.mark.parametrize(("user", "status"), [("ann", 200), ("eve", 403)])
async def test_only_members_may_list_members(room, user, status):
    response = await room.router.handle(Request("GET", "/v1/rooms/r.x/members", user=user))
    assert response.status == status
    if status == 200:
        assert json.loads(response.body) == {
            "members": {"ann": {"from": 1}, "bob": {"from": 2}},
            "present": ["bob"],
        }
