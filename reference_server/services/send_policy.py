"""What a send is checked against: the last known blocks and stickers.

Both are polled from their services and kept in memory, so that a check is a look-up and works
during an outage of those services.
"""

import asyncio
import logging

from gauntlet.reference_server.http.service_client import ServiceClient
from gauntlet.reference_server.store.base import BlockPage, Refused

POLL_S = 1.0
FIRST_POLL_S = 0.2  # until the stickers are known: the services of a cluster start together
BLOCKS_MAX = 100_000  # beyond this the oldest are dropped; an unknown block allows the send

log = logging.getLogger(__name__)


class SendPolicy:
    """The last known blocks, by direct conversation, and the references of all stickers."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._version = 0
        self._blockers: dict[str, list[str]] = {}
        self._stickers: frozenset[str] | None = None

    async def run(self) -> None:
        """Poll both until cancelled; after a failure the last known state remains."""
        while True:
            for refresh in (self.refresh_blocks, self.refresh_stickers):
                try:
                    await refresh()
                except Exception as error:  # noqa: BLE001 - a defect must not end the polling
                    log.warning("%s: %r", refresh.__name__, error)
            await asyncio.sleep(FIRST_POLL_S if self._stickers is None else POLL_S)

    def rejection(self, conv: str, sender: str, sticker: str | None) -> Refused | None:
        """Return why a send is not allowed: its recipient blocks the sender, or an unknown sticker.

        Until the stickers are known, every sticker is refused as `unavailable`.
        """
        blockers = self._blockers.get(conv)
        if blockers and blockers != [sender]:
            return Refused("forbidden", f"{sender} is blocked in {conv}")
        if sticker is None or (self._stickers is not None and sticker in self._stickers):
            return None
        code = "unavailable" if self._stickers is None else "not_found"
        return Refused(code, f"no sticker {sticker}")

    def blocks(self, user: str, other: str) -> bool:
        """Return whether a user is known to block another one."""
        first, second = sorted((user, other))
        return user in self._blockers.get(f"d.{first}.{second}", ())

    async def refresh_blocks(self) -> None:
        """Fetch the blocks that changed since the last call."""
        page = await self._client.request(
            "friend", "GET", "/internal/blocks", BlockPage, since=self._version
        )
        if page.whole:
            self._blockers.clear()
        self._blockers.update(page.blockers)
        while len(self._blockers) > BLOCKS_MAX:
            del self._blockers[next(iter(self._blockers))]
        self._version = page.version

    async def refresh_stickers(self) -> None:
        """Fetch the list of stickers."""
        kind = dict[str, dict[str, list[str]]]
        answer = await self._client.request("sticker", "GET", "/v1/stickers", kind)
        self._stickers = frozenset(
            f"{pack}/{sticker}"
            for pack, stickers in answer["packs"].items()
            for sticker in stickers
        )
