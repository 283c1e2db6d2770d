"""The room service: membership calls, and attendance as reported by the edges.

The message service assigns the positions of all events. This service keeps no state that a restart
would lose: it reads the attendance from SQL, and edges repeat the reports that it did not accept.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from typing import Literal

import msgspec

from gauntlet.reference_server.core.errors import TEMPORARY, ApiError
from gauntlet.reference_server.core.internal_api import (
    PresenceEvent,
    RoomEventPosition,
    RoomEventRequest,
)
from gauntlet.reference_server.core.wire import is_room
from gauntlet.reference_server.http.messages import Request, Response, reply
from gauntlet.reference_server.http.router import Router
from gauntlet.reference_server.registry.base import Registry, RegistryDown
from gauntlet.reference_server.services.base import Service, ServiceContext, require_name
from gauntlet.reference_server.services.room_presence import PresenceEntry, RoomPresence
from gauntlet.reference_server.store.base import Present, RoomState

EVICT_EVERY_S = 0.5
LISTS_MAX = 8  # of members that are read and encoded at the same time; each may have 100,000 names
LIST_WAIT_S = 2.0  # in which the turn of a list must come

log = logging.getLogger(__name__)


class _Report(msgspec.Struct):
    edge: str
    events: list[PresenceEvent]


class RoomService(Service):
    """Rooms, their members and their attendance."""

    def __init__(self, context: ServiceContext, registry: Registry) -> None:
        self._client = context.client
        self._registry = registry
        context.probes["registry"] = registry.edges
        self._grace_s = context.config.settings.grace_ms / 1000
        self._lease_s = context.lease_ms / 1000
        self._presence = RoomPresence()
        self._loaded = asyncio.Event()
        # Held while a report is applied, and during evictions. Within a report, the events of
        # different users are applied concurrently.
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._lists = asyncio.Semaphore(LISTS_MAX)
        context.metrics.gauge("present", lambda: len(self._presence))
        self.router = Router(
            {
                ("PUT", "/v1/rooms/{conv}/members/{user}"): self.add,
                ("DELETE", "/v1/rooms/{conv}/members/{user}"): self.remove,
                ("GET", "/v1/rooms/{conv}/members"): self.members,
                ("POST", "/internal/attendance"): self.report,
            }
        )

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def add(self, request: Request) -> Response:
        """Add a member, or found the room by adding oneself."""
        return reply(await self._change_membership(request, "added"))

    async def remove(self, request: Request) -> Response:
        """Remove a member, or oneself."""
        entry = self._presence.entry(request.params["conv"], request.params["user"])
        position = await self._change_membership(request, "removed")
        if entry is not None:
            self._presence.remove(entry)  # in SQL the stay ended with the membership
        return reply(position)

    async def members(self, request: Request) -> Response:
        """Return the members with their first position, and who is present; for members only."""
        path = f"/internal/rooms/{_room(request)}"
        try:
            async with asyncio.timeout(LIST_WAIT_S):
                await self._lists.acquire()
        except TimeoutError:
            raise ApiError("unavailable", "too many lists of members are being read") from None
        try:
            return await self._list_of(path, request.user)
        finally:
            self._lists.release()

    async def _list_of(self, path: str, user: str) -> Response:
        stranger = ApiError("forbidden", f"{user} is not a member")
        try:
            room = await self._client.request("message", "GET", path, RoomState)
        except ApiError as error:
            # Strangers must not learn which rooms exist.
            raise (stranger if error.code == "not_found" else error) from error
        if user not in room.members:
            raise stranger
        members = {user: {"from": seq} for user, seq in room.members.items()}
        return reply({"members": members, "present": [each.user for each in room.present]})

    async def report(self, request: Request) -> Response:
        """Apply what happened to an edge's connections.

        After a failure the edge repeats the whole report.
        """
        if not self._loaded.is_set():
            raise ApiError("unavailable", "the attendance has not been loaded yet")
        by_user: dict[str, list[PresenceEvent]] = {}
        for event in request.json(_Report).events:
            by_user.setdefault(event.user, []).append(event)
        async with self._lock:
            await _gather_all(self._apply(events) for events in by_user.values())
        return reply({})

    async def _change_membership(
        self, request: Request, event: Literal["added", "removed"]
    ) -> dict[str, object]:
        # The state decides whether anything changes, so the key need not outlive this call.
        user = require_name(request.params["user"], "user")
        key = f"{event}:{secrets.token_hex(8)}"
        position = await self._append(
            RoomEventRequest(_room(request), event, user, key, by=request.user)
        )
        return {"conv": position.conv, "seq": position.seq}

    async def _apply(self, events: list[PresenceEvent]) -> None:
        """Apply the events of one user in their order."""
        for event in events:
            user, connection = event.user, event.connection
            if event.event == "enter":
                await self._enter(event)
            elif event.event == "exit":
                await self._write_exits(self._presence.exit(event.conv, user, connection))
            elif event.event == "leave":
                await self._write_exits(self._presence.leave(user, connection))
            elif event.event == "lost":
                self._presence.mark_lost(user, connection, time.monotonic())
            else:
                self._presence.reconnect(user, connection)

    async def _enter(self, event: PresenceEvent) -> None:
        user, connection = event.user, event.connection
        key = f"enter:{user}:{connection}"
        entered = RoomEventRequest(event.conv, "entered", user, key, connection=connection)
        try:
            position = await self._append(entered)
        except ApiError as error:
            if error.code in TEMPORARY:
                raise
            log.info("%s may not enter %s: %s", user, event.conv, error)
            return
        self._presence.enter(event.conv, user, connection, is_new=not position.dup)

    async def _write_exits(self, entries: list[PresenceEntry]) -> None:
        """Write `exited` for each entry; after a temporary failure a later call writes it."""
        for entry in entries:
            user, connection = entry.user, entry.entered_by
            key = f"exit:{user}:{connection}"
            exited = RoomEventRequest(entry.conv, "exited", user, key, connection=connection)
            try:
                await self._append(exited)
            except ApiError as error:
                if error.code in TEMPORARY:
                    raise
                log.warning("exit of %s from %s: %s", user, entry.conv, error)
            self._presence.remove(entry)

    async def _append(self, event: RoomEventRequest) -> RoomEventPosition:
        return await self._client.request(
            "message", "POST", "/internal/events", RoomEventPosition, event
        )

    async def _run(self) -> None:
        await self._load()
        # After an outage or a loss of the registry's data, edges need up to one lease to register
        # their connections again. That may have happened just before this start, too.
        trusted_at = detect_at = time.monotonic() + self._lease_s
        while True:
            await asyncio.sleep(EVICT_EVERY_S)
            now = time.monotonic()
            try:
                await self._registry.connections(())  # fails if the registry is down
                if now < trusted_at:
                    continue
                async with self._lock:
                    if now >= detect_at:
                        detect_at = now + self._lease_s / 3
                        await self._mark_unleased(now)
                    await self._evict_overdue(now)
            except RegistryDown as error:
                # An unreachable registry says nothing about connections, so no user is evicted.
                log.warning("attendance check: %s", error)
                trusted_at = now + self._lease_s
            except ApiError as error:
                log.warning("attendance check: %s", error)
            except Exception:  # a defect must not end the checks for good
                log.exception("attendance check failed")

    async def _load(self) -> None:
        while True:
            try:
                rows = await self._client.request(
                    "message", "GET", "/internal/present", list[Present]
                )
            except ApiError as error:
                log.warning("cannot load the attendance yet: %s", error)
                await asyncio.sleep(EVICT_EVERY_S)
            else:
                self._presence.restore(rows)
                self._loaded.set()
                return

    async def _mark_unleased(self, now_s: float) -> None:
        """Find connections whose edge died without reporting their loss."""
        leased = await self._registry.connections(self._presence.users)
        self._presence.confirm_leased(leased)
        self._presence.mark_unleased(leased, now_s)

    async def _evict_overdue(self, now_s: float) -> None:
        """End the stays of users whose grace period is over and who have no other connection."""
        overdue = self._presence.overdue(now_s, self._grace_s)
        if not overdue:
            return
        leased = await self._registry.connections(set(overdue.values()))
        self._presence.confirm_leased(leased)
        overdue = self._presence.overdue(now_s, self._grace_s)
        for connection, user in overdue.items():
            # The registry may still hold the lease of a connection that was reported as lost.
            successors = self._presence.successors(user, leased.get(user, ()), overdue)
            await self._write_exits(self._presence.replace(user, connection, successors))
            self._presence.forget(user, connection)


def _room(request: Request) -> str:
    conv = request.params["conv"]
    if not is_room(conv):
        raise ApiError("bad_request", f"{conv} is not the id of a room")
    return conv


async def _gather_all(jobs: Iterable[Awaitable[None]]) -> None:
    """Wait for all jobs, then raise the first failure, so that no job keeps running unnoticed."""
    results = await asyncio.gather(*jobs, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
