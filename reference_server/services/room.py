"""The room service: membership calls, and attendance by what the edges tell.

All events get their position from the message service. Nothing is kept here that a restart would
lose: who is present is read back from SQL, and the edges repeat what was not taken.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from typing import Literal

import msgspec

from gauntlet.reference_server import registry
from gauntlet.reference_server.core.errors import TEMPORARY, ApiError
from gauntlet.reference_server.core.internal_api import PresenceEvent
from gauntlet.reference_server.core.wire import is_room
from gauntlet.reference_server.http.messages import Request, Response, Router, reply
from gauntlet.reference_server.registry.base import RegistryDown
from gauntlet.reference_server.services.base import Context, require_name
from gauntlet.reference_server.services.message import Event, Position
from gauntlet.reference_server.services.room_presence import Attendance, Stay
from gauntlet.reference_server.store.base import Present, RoomView

SWEEP_S = 0.5

log = logging.getLogger(__name__)


class _Report(msgspec.Struct):
    edge: str
    events: list[PresenceEvent]


class RoomService:
    """Rooms, who belongs to them and who is there."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._registry = registry.connect(context.config.registry, lease_ms=context.lease_ms)
        context.probes["registry"] = self._registry.edges
        self._grace_s = context.config.settings.grace_ms / 1000
        self._lease_s = context.lease_ms / 1000
        self._attendance = Attendance()
        self._loaded = asyncio.Event()
        # Reports and sweeps exclude each other; within a report, users go in parallel.
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        context.metrics.gauge("present", lambda: len(self._attendance))
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
        await self._registry.close()

    async def add(self, request: Request) -> Response:
        """Add a member, or found the room with oneself."""
        return reply(await self._change(request, "added"))

    async def remove(self, request: Request) -> Response:
        """Remove a member, or oneself."""
        stay = self._attendance.stay(request.params["conv"], request.params["user"])
        answer = await self._change(request, "removed")
        if stay is not None:
            self._attendance.ended(stay)  # in SQL it ended with the membership
        return reply(answer)

    async def members(self, request: Request) -> Response:
        """Members with their first position, and who is present; for members only."""
        room = await self._client.request(
            "message", "GET", f"/internal/rooms/{_room(request)}", RoomView
        )
        if request.user not in room.members:
            raise ApiError("forbidden", f"{request.user} is not a member")
        members = {user: {"from": seq} for user, seq in room.members.items()}
        return reply({"members": members, "present": [each.user for each in room.present]})

    async def report(self, request: Request) -> Response:
        """What an edge's connections did. A failure makes the edge repeat the whole report."""
        if not self._loaded.is_set():
            raise ApiError("unavailable", "attendance is still being read back")
        by_user: dict[str, list[PresenceEvent]] = {}
        for told in request.json(_Report).events:
            by_user.setdefault(told.user, []).append(told)
        async with self._turn:
            await _together(self._hear(events) for events in by_user.values())
        return reply({})

    async def _change(
        self, request: Request, event: Literal["added", "removed"]
    ) -> dict[str, object]:
        # State decides whether there is anything to do, so the key need not outlive the call.
        user = require_name(request.params["user"], "user")
        key = f"{event}:{secrets.token_hex(8)}"
        position = await self._write(Event(_room(request), event, user, key, by=request.user))
        return {"conv": position.conv, "seq": position.seq}

    async def _hear(self, events: list[PresenceEvent]) -> None:
        """One user's events, in their order."""
        for told in events:
            user, connection = told.user, told.connection
            if told.event == "enter":
                await self._enter(told)
            elif told.event == "exit":
                await self._end(self._attendance.exited(told.conv, user, connection))
            elif told.event == "leave":
                await self._end(self._attendance.left(user, connection))
            elif told.event == "lost":
                self._attendance.lost(user, connection, time.monotonic())
            else:
                self._attendance.back(user, connection)

    async def _enter(self, told: PresenceEvent) -> None:
        user, connection = told.user, told.connection
        key = f"enter:{user}:{connection}"
        event = Event(told.conv, "entered", user, key, connection=connection)
        try:
            written = await self._write(event)
        except ApiError as error:
            if error.code in TEMPORARY:
                raise
            log.info("%s may not enter %s: %s", user, told.conv, error)
            return
        self._attendance.entered(told.conv, user, connection, anew=not written.dup)

    async def _end(self, stays: list[Stay]) -> None:
        """Write `exited`; a temporary failure leaves the stay to be ended by a later attempt."""
        for stay in stays:
            key = f"exit:{stay.user}:{stay.entered_by}"
            event = Event(stay.conv, "exited", stay.user, key, connection=stay.entered_by)
            try:
                await self._write(event)
            except ApiError as error:
                if error.code in TEMPORARY:
                    raise
                log.warning("exit of %s from %s: %s", stay.user, stay.conv, error)
            self._attendance.ended(stay)

    async def _write(self, event: Event) -> Position:
        return await self._client.request("message", "POST", "/internal/events", Position, event)

    async def _run(self) -> None:
        await self._load()
        # Edges need up to a lease to register again what a registry lost, or let run out while it
        # stood still. Just before our start it may have happened too.
        trusted_at = reap_at = time.monotonic() + self._lease_s
        while True:
            await asyncio.sleep(SWEEP_S)
            now = time.monotonic()
            try:
                await self._registry.connections(())  # notices every outage
                if now < trusted_at:
                    continue
                async with self._turn:
                    if now >= reap_at:
                        reap_at = now + self._lease_s / 3
                        await self._reap(now)
                    await self._sweep(now)
            except RegistryDown as error:
                # Nobody is counted out by the silence of the registry.
                log.warning("sweep: %s", error)
                trusted_at = now + self._lease_s
            except ApiError as error:
                log.warning("sweep: %s", error)
            except Exception:  # a defect must not end attendance for good
                log.exception("sweep failed")

    async def _load(self) -> None:
        while True:
            try:
                rows = await self._client.request(
                    "message", "GET", "/internal/present", list[Present]
                )
            except ApiError as error:
                log.warning("attendance cannot be read back yet: %s", error)
                await asyncio.sleep(SWEEP_S)
            else:
                self._attendance.restore(rows)
                self._loaded.set()
                return

    async def _reap(self, now_s: float) -> None:
        """Notice the holders whose edge died without telling."""
        living = await self._registry.connections(self._attendance.users)
        self._attendance.seen(living)
        self._attendance.unseen(living, now_s)

    async def _sweep(self, now_s: float) -> None:
        """End the stays of those who have been away for the grace and are nowhere else."""
        overdue = self._attendance.overdue(now_s, self._grace_s)
        if not overdue:
            return
        living = await self._registry.connections(set(overdue.values()))
        self._attendance.seen(living)
        overdue = self._attendance.overdue(now_s, self._grace_s)
        for connection, user in overdue.items():
            # The registry may still hold the lease of the connection that was told to be lost.
            heir = self._attendance.heir(user, living.get(user, ()), overdue)
            await self._end(self._attendance.replaced(user, connection, heir))
            self._attendance.forget(user, connection)


def _room(request: Request) -> str:
    conv = request.params["conv"]
    if not is_room(conv):
        raise ApiError("bad_request", f"{conv} is not the id of a room")
    return conv


async def _together(jobs: Iterable[Awaitable[None]]) -> None:
    """Wait for all, then raise the first failure: none is left running unseen."""
    results = await asyncio.gather(*jobs, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
