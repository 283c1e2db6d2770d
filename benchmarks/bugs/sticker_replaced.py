"""The history looks up a sticker by its pack alone, and shows the first one of that pack.

Who is pushed the message sees the right sticker.
"""

import logging

import msgspec

from gauntlet.reference_server.core.wire import Entry, HistoryMsg, HistoryRoom
from gauntlet.reference_server.services import message

SENTENCE = "The history shows the first sticker of a pack in the place of each other one."
SERVICES = ("message",)
ANOMALIES = ("stickers",)
OPTIONS = {"scenario": "blocks", "stack": "embedded"}
FIRST = {"cats": "cats/cat-hello", "signs": "signs/sign-no"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Replace the stickers in the public history."""
    original_view = message.history_view

    def history_view(entry: Entry) -> HistoryMsg | HistoryRoom:
        if entry.type == "sticker":
            first = FIRST[entry.body.partition("/")[0]]
            if first != entry.body:
                log.warning("seeded bug acted: %s", entry.msg_id)
            entry = msgspec.structs.replace(entry, body=first)
        return original_view(entry)

    message.history_view = history_view
