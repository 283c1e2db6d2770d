"""What a send is checked against: blocks and stickers, as their services told last.

Both are polled and kept in memory, so that a check costs a look-up and outlives every outage.
"""

import asyncio
import logging

from gauntlet.reference_server.http.service_client import ServiceClient
from gauntlet.reference_server.store.base import BlockPage, Refused

POLL_S = 1.0
FIRST_POLL_S = 0.2  # until the stickers are known: a cluster starts its services together
BLOCKS_MAX = 100_000  # what was known first is forgotten first: an unknown block allows

log = logging.getLogger(__name__)


class Checks:
    """The last known blocks, by direct conversation, and references of stickers."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._version = 0
        self._blockers: dict[str, list[str]] = {}
        self._stickers: frozenset[str] | None = None

    async def run(self) -> None:
        """Poll both until cancelled; what was known stays while that fails."""
        while True:
            for read in (self.read_blocks, self.read_stickers):
                try:
                    await read()
                except Exception as error:  # noqa: BLE001 - a defect must not end it for good
                    log.warning("%s: %r", read.__name__, error)
            await asyncio.sleep(FIRST_POLL_S if self._stickers is None else POLL_S)

    def refusal(self, conv: str, sender: str, sticker: str | None) -> Refused | None:
        """Why this may not be sent: the other one blocks its sender, or there is no such sticker.

        Until the stickers are known, each is refused as `unavailable`.
        """
        blockers = self._blockers.get(conv)
        if blockers and blockers != [sender]:
            return Refused("forbidden", f"{sender} is blocked in {conv}")
        if sticker is None or (self._stickers is not None and sticker in self._stickers):
            return None
        code = "unavailable" if self._stickers is None else "not_found"
        return Refused(code, f"no sticker {sticker}")

    async def read_blocks(self) -> None:
        """Learn which blocks changed since the last time."""
        page = await self._client.request(
            "friend", "GET", "/internal/blocks", BlockPage, since=self._version
        )
        if page.whole:
            self._blockers.clear()
        self._blockers.update(page.blockers)
        while len(self._blockers) > BLOCKS_MAX:
            del self._blockers[next(iter(self._blockers))]
        self._version = page.version

    async def read_stickers(self) -> None:
        """Learn which stickers there are."""
        kind = dict[str, dict[str, list[str]]]
        known = await self._client.request("sticker", "GET", "/v1/stickers", kind)
        self._stickers = frozenset(
            f"{pack}/{sticker}" for pack, stickers in known["packs"].items() for sticker in stickers
        )
