"""An edge's calls of the message service and the room service. All of them raise ApiError."""

from gauntlet.reference_server.core.internal_api import HeadsPage, PresenceEvent
from gauntlet.reference_server.core.wire import HEADS_MAX, EntryPage
from gauntlet.reference_server.http.service_client import ServiceClient


class Upstream:
    """The calls of one edge."""

    def __init__(self, edge: str, client: ServiceClient) -> None:
        self._edge = edge
        self._client = client

    async def heads(self, user: str) -> HeadsPage:
        """Return the heads of all conversations of a user, and the watermark to poll changes from.

        The watermark is that of the first page: what changes while the others are read is polled.
        """
        page = first = await self._heads_page(user, "")
        heads = dict(first.heads)
        while len(page.heads) == HEADS_MAX:
            page = await self._heads_page(user, next(reversed(page.heads)))
            heads |= page.heads
        return HeadsPage(heads, first.watermark)

    async def _heads_page(self, user: str, after: str) -> HeadsPage:
        path = f"/internal/users/{user}/heads"
        return await self._client.request("message", "GET", path, HeadsPage, after=after)

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
