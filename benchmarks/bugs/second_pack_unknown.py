"""A message service only knows the stickers of the first pack that the sticker service lists.

The loop over the packs returns too early.
"""

import logging

from gauntlet.reference_server.services.send_policy import SendPolicy

SENTENCE = "Stickers of all packs but the first one are listed, and refused."
SERVICES = ("message",)
ANOMALIES = ("stickers",)
OPTIONS = {"scenario": "blocks", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Forget the stickers of the other packs whenever the list is read."""
    original = SendPolicy.refresh_stickers

    async def refresh_stickers(self: SendPolicy) -> None:
        await original(self)
        known = self._stickers or frozenset()
        first = min((sticker.partition("/")[0] for sticker in known), default="")
        self._stickers = frozenset(each for each in known if each.startswith(f"{first}/"))
        if self._stickers != known:
            log.warning("seeded bug acted: only pack %s is known", first)

    SendPolicy.refresh_stickers = refresh_stickers
