"""What an edge asks of the message service and tells the room service. All raise ApiError."""

from gauntlet.reference_server.core.internal_api import HeadsPage, PresenceEvent
from gauntlet.reference_server.core.wire import EntryPage
from gauntlet.reference_server.http.service_client import ServiceClient


class Upstream:
    """The calls of one edge."""

    def __init__(self, edge: str, client: ServiceClient) -> None:
        self._edge = edge
        self._client = client

    async def heads(self, user: str) -> HeadsPage:
        """The heads of a user's conversations, and the watermark to poll changes from."""
        return await self._client.request(
            "message", "GET", f"/internal/users/{user}/heads", HeadsPage
        )

    async def changed(self, since: int) -> HeadsPage:
        """Heads that changed since a watermark, members of rooms whose membership did."""
        return await self._client.request(
            "message", "GET", "/internal/heads", HeadsPage, since=since
        )

    async def entries(self, conv: str, after: int, limit: int) -> EntryPage:
        """One page of entries with `seq > after`."""
        path = f"/internal/conversations/{conv}/entries"
        return await self._client.request(
            "message", "GET", path, EntryPage, after=after, limit=limit
        )

    async def attendance(self, events: list[PresenceEvent]) -> None:
        """Tell the room service."""
        body = {"edge": self._edge, "events": events}
        await self._client.request("room", "POST", "/internal/attendance", dict, body)
