"""An edge's calls of the message service and the room service. All of them raise ApiError."""

from gauntlet.reference_server.core.internal_api import HeadsPage, PresenceEvent
from gauntlet.reference_server.core.wire import EntryPage
from gauntlet.reference_server.http.service_client import ServiceClient


class Upstream:
    """The calls of one edge."""

    def __init__(self, edge: str, client: ServiceClient) -> None:
        self._edge = edge
        self._client = client

    async def heads(self, user: str) -> HeadsPage:
        """Return the heads of a user's conversations, and the watermark to poll changes from."""
        return await self._client.request(
            "message", "GET", f"/internal/users/{user}/heads", HeadsPage
        )

    async def changed_heads(self, since: int) -> HeadsPage:
        """Return the heads that changed since a watermark.

        The members are those of the rooms whose membership changed since then.
        """
        return await self._client.request(
            "message", "GET", "/internal/heads", HeadsPage, since=since
        )

    async def entries(self, conv: str, after: int, limit: int) -> EntryPage:
        """Return one page of at most `limit` entries with `seq > after`."""
        path = f"/internal/conversations/{conv}/entries"
        return await self._client.request(
            "message", "GET", path, EntryPage, after=after, limit=limit
        )

    async def report_presence(self, events: list[PresenceEvent]) -> None:
        """Report what connections did to the room service."""
        body = {"edge": self._edge, "events": events}
        await self._client.request("room", "POST", "/internal/attendance", dict, body)
