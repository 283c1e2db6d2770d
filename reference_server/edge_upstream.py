"""What an edge asks of the message service and tells the room service. All raise ApiError."""

from typing import Literal

import msgspec

from reference_server.calls import Calls
from reference_server.store.base import Heads
from reference_server.wire import EntryPage

Event = Literal["enter", "exit", "leave", "lost", "back"]


class AttendanceEvent(msgspec.Struct, omit_defaults=True):
    """What a user's connection did; `conv` only with enter and exit."""

    user: str
    connection: str
    event: Event
    conv: str = ""


class Upstream:
    """The calls of one edge."""

    def __init__(self, edge: str, calls: Calls) -> None:
        self._edge = edge
        self._calls = calls

    async def heads(self, user: str) -> Heads:
        """The heads of a user's conversations, and the watermark to poll changes from."""
        return await self._calls.ask("message", "GET", f"/internal/users/{user}/heads", Heads)

    async def changed(self, since: int) -> Heads:
        """Heads that changed since a watermark, members of rooms whose membership did."""
        return await self._calls.ask("message", "GET", "/internal/heads", Heads, since=since)

    async def entries(self, conv: str, after: int, limit: int) -> EntryPage:
        """One page of entries with `seq > after`."""
        path = f"/internal/conversations/{conv}/entries"
        return await self._calls.ask("message", "GET", path, EntryPage, after=after, limit=limit)

    async def attendance(self, events: list[AttendanceEvent]) -> None:
        """Tell the room service."""
        body = {"edge": self._edge, "events": events}
        await self._calls.ask("room", "POST", "/internal/attendance", dict, body)
