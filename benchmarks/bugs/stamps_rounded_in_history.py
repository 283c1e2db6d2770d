"""The time stamps of the history come from a column with whole seconds, those of pushes do not."""

import logging

import msgspec

from gauntlet.reference_server.core.wire import Entry, HistoryMsg, HistoryRoom
from gauntlet.reference_server.services import message

SENTENCE = "The history rounds time stamps to whole seconds, so they differ from those of pushes."
SERVICES = ("message",)
ANOMALIES = ("timestamps",)
OPTIONS = {"scenario": "catchup", "stack": "embedded"}

log = logging.getLogger("gauntlet.reference_server.bug")


def install() -> None:
    """Round what the public history shows."""
    original_view = message.history_view

    def history_view(entry: Entry) -> HistoryMsg | HistoryRoom:
        view = original_view(entry)
        rounded = msgspec.structs.replace(view, ts=round(view.ts / 1000) * 1000)
        if rounded != view:
            log.warning("seeded bug acted: %d ms", rounded.ts - view.ts)
        return rounded

    message.history_view = history_view
